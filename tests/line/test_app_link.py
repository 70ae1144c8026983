"""The line's end of the socket: every happening gets an answer in its time, or the line decides alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callflow.effects import HangUp
from callflow.events import HungUp, PromptFinished
from callflow.frames import Acknowledged, Command, Happening, Hello, Refused, Working
from callflow.lines import LineServer
from callflow.session import Reaction
from sip.app_link import AppAwayError, AppLink
from tests.line.fake_app import FakeApp


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FakeApp]:
    app = FakeApp(tmp_path / "app.sock", lambda _: None)
    await app.start()
    yield app
    await app.stop()


@pytest.fixture
async def link(app: FakeApp) -> AsyncIterator[AppLink]:
    link = AppLink(app.socket, "line", 0.4, lambda: ("c1",))
    running = asyncio.create_task(link.run())
    await app.until(lambda: bool(app.hellos))
    yield link
    running.cancel()


async def test_both_sides_say_hello_and_the_line_names_its_calls(app: FakeApp, link: AppLink) -> None:
    await link.tell("c1", 0, PromptFinished())
    assert app.hellos == [Hello("line", "line", ("c1",))]
    assert link.connected


async def test_a_command_answers_the_happening_it_replies_to(app: FakeApp, link: AppLink) -> None:
    app.decide = lambda told: HangUp() if told.call == "a" else None
    a, b = await asyncio.gather(
        link.tell("a", 3, PromptFinished()),
        link.tell("b", 5, HungUp()),
    )
    assert (a, b) == (Command(1, "a", 4, HangUp()), Acknowledged(2, "b"))
    assert app.happenings == [Happening(1, "a", 3, PromptFinished()), Happening(2, "b", 5, HungUp())]


async def test_an_app_that_does_not_answer_in_its_time_is_away(app: FakeApp, link: AppLink) -> None:
    app.silent = True
    with pytest.raises(AppAwayError):
        await link.tell("a", 0, PromptFinished())


async def test_an_app_that_says_it_is_working_gets_more_time_but_not_for_ever(
    app: FakeApp, link: AppLink
) -> None:
    app.silent = True
    slow = asyncio.create_task(link.tell("a", 0, PromptFinished()))
    stuck = asyncio.create_task(link.tell("b", 0, PromptFinished()))
    await app.until(lambda: len(app.happenings) == 2)
    for beat in range(12):
        await app.send(*(Working(told.number, told.call) for told in app.happenings))
        if beat == 3:
            await app.answer_again(app.happenings[0])
        await asyncio.sleep(0.2)
    assert await slow == Acknowledged(1, "a")
    with pytest.raises(AppAwayError, match="too slow"):
        await stuck


async def test_a_late_answer_disturbs_nothing(app: FakeApp, link: AppLink) -> None:
    app.silent = True
    with pytest.raises(AppAwayError):
        await link.tell("a", 0, PromptFinished())
    app.silent = False
    await app.answer_again(app.happenings[0])
    assert await link.tell("b", 0, HungUp()) == Acknowledged(2, "b")


async def test_a_happening_is_repeated_when_the_connection_comes_back(app: FakeApp, link: AppLink) -> None:
    app.silent = True
    telling = asyncio.create_task(link.tell("a", 0, PromptFinished()))
    await app.until(lambda: len(app.happenings) == 1)
    await app.stop()
    app.silent = False
    await app.start()
    assert await telling == Acknowledged(1, "a")
    assert app.happenings[0] == app.happenings[1]


async def test_an_app_known_to_be_gone_costs_no_waiting(app: FakeApp, link: AppLink) -> None:
    await app.stop()
    with pytest.raises(AppAwayError, match="no answer"):
        await link.tell("a", 0, PromptFinished())
    await asyncio.sleep(0.01)  # the loop's clock stands still by itself
    with pytest.raises(AppAwayError, match="gone"):
        await link.tell("b", 0, PromptFinished())


async def test_an_app_that_is_back_this_moment_is_not_taken_for_gone(app: FakeApp, link: AppLink) -> None:
    await app.stop()
    with pytest.raises(AppAwayError):
        await link.tell("a", 0, PromptFinished())
    await app.start()
    assert await link.tell("b", 0, HungUp()) == Acknowledged(2, "b")


async def test_a_refusal_makes_the_line_act_alone(
    app: FakeApp, link: AppLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_answer", lambda told: Refused(told.number, told.call, "no such flow"))
    with pytest.raises(AppAwayError, match="no such flow"):
        await link.tell("a", 0, PromptFinished())


class SlowHouse:
    """Stands in for sessions and spool: an answer that takes longer than the line's patience."""

    async def happened(self, _call: str, turn: int, _event: object) -> Reaction:
        await asyncio.sleep(0.9)
        return Reaction(turn + 1, HangUp())

    async def lost(self, _line: str, _holding: object) -> list[str]:
        return []

    async def read(self) -> int:
        return 0

    async def under_way(self) -> set[str]:
        return set()


async def test_a_session_that_takes_longer_than_the_line_waits_still_decides(tmp_path: Path) -> None:
    slow = SlowHouse()
    server = LineServer(tmp_path / "app.sock", slow, slow)  # type: ignore[arg-type]
    await server.start()
    link = AppLink(tmp_path / "app.sock", "line", 0.5, tuple)
    running = asyncio.create_task(link.run())
    assert await link.tell("a", 3, PromptFinished()) == Command(1, "a", 4, HangUp())
    running.cancel()
    await server.close()
