"""The button "Anrufen" on a card: who may press it, and what the page says before and after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from callflow import inbox
from callflow.desk_calls import DeskCalls
from callflow.dialling import DialRequest, DialResult, answered
from callflow.effects import Clip, Prompt, Spoken
from callflow.inbox import Feed
from callflow.numbers import written
from callflow.store import Card, User
from callflow.web.app import create_app
from tests.support.practice import PATIENT, Practice, open_practice
from tests.support.stores import Clock

PRACTICE = "+4935112345600"


@dataclass
class Line:
    """A line that rings extensions; each call ends when a test says how."""

    asked: asyncio.Queue[DialRequest] = field(default_factory=asyncio.Queue)
    ends: asyncio.Queue[DialResult] = field(default_factory=asyncio.Queue)

    def reaches(self, device: str) -> bool:
        return device.isdigit()

    async def dial(self, request: DialRequest) -> DialResult:
        self.asked.put_nowait(request)
        return await self.ends.get()

    async def became(self, _dial: str) -> DialResult:
        return await self.ends.get()


@dataclass
class Mute:
    """Speaks nothing and keeps what it should have said."""

    told: list[Spoken] = field(default_factory=list)

    async def clips(self, spoken: Sequence[Spoken]) -> tuple[Clip, ...]:
        self.told.extend(spoken)
        return (Clip("said"),)


@dataclass
class Desk:
    """Anna's browser, her card and the line that dials for her."""

    practice: Practice
    web: httpx.AsyncClient
    line: Line
    csrf: str
    card: Card
    speaker: Mute

    async def post(self, deed: str) -> httpx.Response:
        return await self.web.post(f"/inbox/{self.card.id}/{deed}", data={"csrf": self.csrf})

    async def page(self) -> str:
        return (await self.web.get(f"/inbox/{self.card.id}")).text

    async def until(self, kind: str) -> None:
        async with asyncio.timeout(20):
            async for change in Feed(self.practice.store).follow(after=0):
                if change.kind == kind:
                    return


@pytest.fixture
async def desk(tmp_path: Path, clock: Clock) -> AsyncIterator[Desk]:
    line, practice, speaker = Line(), open_practice(tmp_path, clock), Mute()
    calls = DeskCalls(practice.store, speaker, {"anlage": line}, (PRACTICE,), clock)
    app = create_app(replace(practice.house, desk_calls=calls))
    transport = httpx.ASGITransport(app)
    app.state.feed = Feed(practice.store)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        token, csrf = practice.session("anna")
        web.cookies.set("rufweiche_session", token)
        desk = Desk(practice, web, line, csrf, practice.card(), speaker)
        practice.store.write_now(lambda tx: setattr(tx.get(User, practice.users["anna"]), "device", "23"))
        await desk.post("claim")
        yield desk
    await calls.close()
    practice.store.close()


async def test_a_click_rings_and_the_card_tells_the_outcome(desk: Desk) -> None:
    assert f'action="/inbox/{desk.card.id}/dial"' in await desk.page()
    assert (await desk.post("dial")).status_code == 303
    request = await desk.line.asked.get()
    assert (request.device, request.number, request.caller_id) == ("23", PATIENT, PRACTICE)
    assert (request.confirm, request.announcement) == ((), (Clip("said"),))
    assert "Anna Becker ruft an" in await desk.page()
    desk.line.ends.put_nowait(DialResult("answered", 95))
    await desk.until("dialled")
    assert "Anna Becker: gesprochen (1:35 min)" in await desk.page()


async def test_what_is_announced_holds_the_number_and_never_the_name(desk: Desk) -> None:
    await desk.post("dial")
    await desk.line.asked.get()
    assert desk.speaker.told == [Prompt("dial_announce", values=(("number", written(PATIENT)),))]
    desk.line.ends.put_nowait(DialResult("busy"))
    await desk.until("dialled")


async def test_a_second_click_during_the_call_rings_nobody(desk: Desk) -> None:
    await desk.post("dial")
    again = await desk.post("dial")
    assert (again.status_code, "Dieser Anruf läuft noch." in again.text) == (409, True)
    await desk.line.asked.get()
    assert desk.line.asked.empty()
    desk.line.ends.put_nowait(DialResult("busy"))
    await desk.until("dialled")
    assert (await desk.post("dial")).status_code == 303


async def test_only_the_holder_of_the_card_may_dial(desk: Desk) -> None:
    card, birgit = desk.card.id, desk.practice.users["birgit"]
    now = desk.practice.clock()
    desk.practice.store.write_now(lambda tx: inbox.take_over(tx, card, birgit, now=now))
    refused = await desk.post("dial")
    assert (refused.status_code, desk.line.asked.empty()) == (409, True)
    assert "Birgit Kowalski bearbeitet diesen Eintrag bereits." in refused.text


async def test_without_a_telephone_of_her_own_the_browser_dials(desk: Desk) -> None:
    anna = desk.practice.users["anna"]
    desk.practice.store.write_now(lambda tx: setattr(tx.get(User, anna), "device", ""))
    page = await desk.page()
    assert (f'href="tel:{PATIENT}"' in page, f"/inbox/{desk.card.id}/dial" in page) == (True, False)
    assert (await desk.post("dial")).status_code == 409


@pytest.mark.parametrize("number", ["+49112", "+49116117", "+4990012345678", ""])
async def test_a_number_that_is_never_dialled_has_no_button_and_is_refused(desk: Desk, number: str) -> None:
    card = desk.card.id
    desk.practice.store.write_now(lambda tx: setattr(tx.get(Card, card), "number", number))
    assert f"/inbox/{card}/dial" not in await desk.page()
    assert ((await desk.post("dial")).status_code, desk.line.asked.empty()) == (409, True)


async def test_a_call_that_a_dead_house_left_open_is_asked_about_and_not_dialled_again(desk: Desk) -> None:
    await desk.post("dial")
    await desk.line.asked.get()
    after = Line()
    store, clock = desk.practice.store, desk.practice.clock
    calls = DeskCalls(store, Mute(), {"anlage": after}, (PRACTICE,), clock)
    await calls.resume()
    after.ends.put_nowait(DialResult("unknown"))
    await desk.until("dialled")
    assert ("Anna Becker: Ausgang ungewiss" in await desk.page(), after.asked.empty()) == (True, True)
    await calls.close()


def test_an_answer_as_long_as_a_mailboxs_greeting_is_told_apart() -> None:
    assert answered(rang_s=8, talked_s=40) == DialResult("answered", 40)
    assert answered(rang_s=8, talked_s=12) == DialResult("answered", 12)
    assert answered(rang_s=20, talked_s=12) == DialResult("voicemail_length", 12)
    assert answered(rang_s=1, talked_s=12) == DialResult("voicemail_length", 12)
    assert answered(rang_s=20, talked_s=45) == DialResult("answered", 45)
    assert answered(rang_s=8, talked_s=3) == DialResult("voicemail_length", 3)
