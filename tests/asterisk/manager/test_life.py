"""The connection stays, whatever happens: each fault on the bare package, then its absence with ours."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from asterisk.ami import AutoReconnect, SimpleAction

from sip.ami import ManagerDownError, Message, backoff
from tests.support import asterisk_site as practice
from tests.support.asterisk_house import connected
from tests.support.scripted_manager import BARE, Bare, Scripted, wait_until


@BARE
def test_the_bare_package_dies_of_a_quiet_connection(scripted: Scripted, bare: Bare) -> None:
    client = bare(scripted.port)
    client._socket.settimeout(0.2)  # noqa: SLF001  # what its `timeout` does to the connection
    scripted.say("Event: Any\r\n\r\n")
    client._thread.join(20)  # noqa: SLF001  # the fault is the thread's death
    assert not client._thread.is_alive()  # noqa: SLF001
    assert not client.finished.is_set()  # and it does not even know


async def test_ours_lives_through_a_quiet_connection(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sip.ami.ANSWER_SECONDS", 0.2)
    heard = asyncio.Event()
    async with connected(scripted.port, lambda _: heard.set()) as manager:
        await asyncio.sleep(0.5)  # the quiet itself is what is tested
        assert manager.up.is_set()
        scripted.say("Event: Ping\r\n\r\n")
        await asyncio.wait_for(heard.wait(), 20)
        assert len(scripted.peers) == 1


@BARE
def test_a_fault_in_a_listener_ends_the_bare_package(scripted: Scripted, bare: Bare) -> None:
    client = bare(scripted.port)
    client.add_event_listener(lambda **_: 1 / 0)
    scripted.say("Event: Any\r\n\r\n")
    client._thread.join(20)  # noqa: SLF001
    assert not client._thread.is_alive()  # noqa: SLF001


async def test_a_fault_in_a_listener_leaves_ours_running(scripted: Scripted) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def listener(event: Message) -> None:
        heard.put_nowait(event.event)
        raise ZeroDivisionError

    async with connected(scripted.port, listener) as manager:
        scripted.say("Event: One\r\n\r\nEvent: Two\r\n\r\n")
        assert [await heard.get(), await heard.get()] == ["One", "Two"]
        assert (await manager.action("Ping")).get("Response") == "Success"


@BARE
def test_waiting_for_an_answer_in_a_listener_deadlocks_the_bare_package(
    scripted: Scripted, bare: Bare
) -> None:
    client = bare(scripted.port, 1)
    answers: list[object] = []
    client.add_event_listener(lambda **_: answers.append(client.send_action(SimpleAction("Ping")).response))
    scripted.say("Event: Any\r\n\r\n")
    assert wait_until(lambda: bool(answers))
    assert answers == [None]  # the reader waited for itself until the timeout


async def test_ours_may_ask_from_a_listener(scripted: Scripted) -> None:
    answers: asyncio.Queue[str] = asyncio.Queue()
    tasks: list[asyncio.Task[None]] = []

    async with connected(scripted.port, lambda _: tasks.append(asyncio.create_task(ask()))) as manager:

        async def ask() -> None:
            answers.put_nowait((await manager.action("Ping")).get("Response"))

        scripted.say("Event: Any\r\n\r\n")
        assert await asyncio.wait_for(answers.get(), 20) == "Success"


@BARE
def test_the_bare_packages_reconnect_stays_down_after_a_fault(scripted: Scripted, bare: Bare) -> None:
    client = bare(scripted.port, 20)
    again = AutoReconnect(client, delay=0.05)
    assert client.login(username="u", secret="s").response is not None
    client._timeout = 0.3  # noqa: SLF001
    client.add_event_listener(lambda **_: 1 / 0)
    scripted.say("Event: Any\r\n\r\n")
    client._thread.join(20)  # noqa: SLF001
    assert not wait_until(lambda: len(scripted.peers) > 1, 1.0)  # it never opens a second connection
    again.finished.set()
    again.join(20)


async def test_ours_comes_back_after_a_broken_connection_and_says_so(scripted: Scripted) -> None:
    ups: asyncio.Queue[str] = asyncio.Queue()

    async def up() -> None:
        ups.put_nowait("up")

    async with connected(
        scripted.port, on_up=up, on_down=lambda: ups.put_nowait("down"), chance=lambda: 0.0
    ) as manager:
        assert await ups.get() == "up"
        for _ in range(3):
            waiting = asyncio.create_task(manager.action("Ping"))
            scripted.drop()
            with contextlib.suppress(ManagerDownError):
                await waiting
            assert [await asyncio.wait_for(ups.get(), 20) for _ in range(2)] == ["down", "up"]


@pytest.mark.parametrize(
    ("tries", "chance", "seconds"),
    [(0, 0.5, 0.1), (1, 0.5, 0.2), (5, 0.5, 3.2), (7, 0.5, 10), (1000, 1.0, 12.5), (1000, 0.0, 7.5)],
)
def test_tries_to_reconnect_come_ever_later_up_to_ten_seconds_and_never_all_at_once(
    tries: int, chance: float, seconds: float
) -> None:
    assert backoff(tries, chance) == pytest.approx(seconds)


async def test_ours_comes_back_after_asterisk_was_killed() -> None:
    ports = practice.Ports()
    asterisk = practice.switch(practice.plan(ports))
    try:
        async with connected(ports.manager, chance=lambda: 0.0) as manager:
            await asyncio.to_thread(asterisk.restart)
            while True:
                await asyncio.wait_for(manager.up.wait(), 30)
                with contextlib.suppress(ManagerDownError):
                    assert (await manager.action("Ping")).get("Ping") == "Pong"
                    break
    finally:
        asterisk.stop()


async def test_a_lost_answer_ends_in_time(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(scripted.port) as manager:
        monkeypatch.setattr(scripted, "_answer", lambda *_: None)
        with pytest.raises(ManagerDownError, match="no answer"):
            await manager.action("Ping", seconds=0.1)
