"""The engine's ticks and reads beside the loop's own work, in a selector that wakes the engine."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sip.media.engine import MediaEngine
from sip.media.waking import Pace, Ready
from tests.media.conftest import waker
from tests.media.peers import HOST, SILENT, Peer, done, happening

PERIOD_S = 0.02


def paced() -> Pace:
    """Return the selector of the running loop."""
    selector = waker()
    assert isinstance(selector, Pace)
    return selector


def ticking(selector: Pace, count: int, told: Callable[[], bool]) -> list[float]:
    """Tick `count` times, `PERIOD_S` apart, the last time with what `told()` says; return when."""
    ticks: list[float] = []

    def tick(now: float) -> bool:
        ticks.append(now)
        if len(ticks) == count:
            return told()
        selector.wake(now + PERIOD_S, tick)
        return False

    selector.wake(asyncio.get_running_loop().time() + PERIOD_S, tick)
    return ticks


@pytest.fixture
def pipe() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield two sockets that are connected."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    with ours, theirs:
        yield ours, theirs


async def test_the_loop_stands_still_while_ticks_leave_it_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    selector, (over, on_over) = paced(), happening()
    turns = 0
    select = Pace.select

    def counted(self: Pace, timeout: float | None = None) -> Ready:
        nonlocal turns
        turns += 1
        return select(self, timeout)

    def last() -> bool:
        on_over(turns)
        return True

    monkeypatch.setattr(Pace, "select", counted)
    ticks = ticking(selector, 500, last)
    assert (await over, len(ticks)) == (1, 500)


async def test_the_loops_own_timers_come_when_they_are_due_between_ticks() -> None:
    loop, (over, on_over) = asyncio.get_running_loop(), happening()
    began = loop.time()
    ticks = ticking(paced(), 1000, lambda: False)
    loop.call_later(0.105, lambda: on_over(loop.time() - began))
    assert (await over, len(ticks)) == (pytest.approx(0.105), 5)
    paced().rest()
    await asyncio.sleep(1)
    assert len(ticks) == 5


async def test_other_threads_reach_a_loop_that_waits_for_ticks_alone() -> None:
    loop, (over, on_over) = asyncio.get_running_loop(), happening()
    paced().wake(loop.time() + 3600, lambda _now: False)
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(on_over, "here"))
    thread.start()
    assert await over == "here"
    paced().rest()
    thread.join()


async def test_a_file_of_the_engine_is_read_by_it_and_never_shown_to_the_loop(
    pipe: tuple[socket.socket, socket.socket],
) -> None:
    (ours, theirs), (over, on_over) = pipe, happening()

    def read() -> bool:
        on_over(ours.recv(10))
        return True

    paced().listen(ours, read)
    theirs.send(b"key")
    assert await over == b"key"
    paced().ignore(ours)


async def test_a_tick_may_stop_reading_in_the_very_moment_something_comes(
    pipe: tuple[socket.socket, socket.socket],
) -> None:
    (ours, theirs), selector, (over, on_over) = pipe, paced(), happening()

    def tick(now: float) -> bool:
        selector.ignore(ours)
        on_over(now)
        return True

    selector.listen(ours, lambda: False)
    theirs.send(b"key")
    selector.wake(0, tick)
    await over
    await asyncio.sleep(0)


@pytest.mark.parametrize("fault", ["tick", "read"])
async def test_a_fault_is_told_by_the_loop_and_does_not_end_it(
    pipe: tuple[socket.socket, socket.socket], fault: str
) -> None:
    (ours, theirs), selector, (over, on_over) = pipe, paced(), happening()
    loop = asyncio.get_running_loop()

    def told(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        on_over(repr(context["exception"]))

    def fails(*_: float) -> bool:
        ours.recv(10)
        raise ZeroDivisionError

    loop.set_exception_handler(told)
    theirs.send(b"key")
    if fault == "tick":
        selector.wake(0, fails)
    else:
        selector.listen(ours, fails)
    assert await over == "ZeroDivisionError()"
    if fault == "read":
        selector.ignore(ours)
    loop.set_exception_handler(None)


async def test_one_calls_fault_does_not_silence_the_others(
    engine: MediaEngine, peers: Callable[[], Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, whole = engine.open(), engine.open()
    broken.connect(HOST, peers().port)
    whole.connect(HOST, peers().port)
    loop, (failed, on_failed) = asyncio.get_running_loop(), happening()
    loop.set_exception_handler(lambda _loop, context: on_failed(repr(context["exception"])))

    def fails() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, "visit", fails)
    assert await failed == "ZeroDivisionError()"
    await done(lambda finished: whole.play([SILENT * 8000], finished))
    loop.set_exception_handler(None)
