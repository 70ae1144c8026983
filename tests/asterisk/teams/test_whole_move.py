"""A practice number on its way from the PBX to Teams: real calls before, while and after it moves."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from callflow.plan import lot
from callflow.store import Call, Card, Store
from callflow.web.app import create_app
from tests.support import asterisk_site as practice
from tests.support.flows import checked
from tests.support.practice import open_practice
from tests.support.simple_phone import Phone, Talk
from tests.support.stores import Clock
from tests.support.teams_call import TeamsCall
from tests.support.teams_peer import TeamsPeer
from tests.support.teams_site import OPEN, Sbc, call_reception, holding
from tests.support.teams_sound import SPEECH
from tests.support.watch import Watch, watching
from tests.web.test_sign_in import sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLS, AT_ONCE = 200, 10
THROUGH = """
flow: durchstellen
language: de
start: verbinden
nodes:
  verbinden:
    transfer: {prompt: greeting, destination: empfang, otherwise: weg}
  weg:
    hangup: {prompt: goodbye}
"""


def gap(talk: Talk, watch: Watch) -> float:
    """Return the longest time in s without sound that the line, not this process, is to blame for."""
    times = [at for at, _ in talk.sound.heard]
    return max(later - earlier for earlier, later in pairwise(times)) - watch.longest


async def test_the_extension_rings_before_the_move_and_teams_afterwards(
    sbc: Sbc, store: Store, patient: Phone, reception: Phone, centres: list[TeamsPeer]
) -> None:
    moves = {"start": (OPEN + timedelta(days=1)).date()}
    async with watching() as watch:
        async with holding(sbc, store, teams_up=True, at=OPEN, moves=moves):
            before = await call_reception(sbc, patient)
            async with asyncio.timeout(20):
                human = await reception.arrived.get()
            await human.until(lambda: len(human.sound.heard) > 5)
            before.hang_up()
        async with holding(sbc, store, teams_up=True, at=OPEN + timedelta(days=1), moves=moves):
            after = await call_reception(sbc, patient)
            async with asyncio.timeout(20):
                await centres[0].calls.get()
            await after.until(lambda: after.sound.heard[-1][1] == SPEECH)
            after.hang_up()
    assert reception.arrived.empty()
    assert max(gap(before, watch), gap(after, watch)) < 5


async def test_half_of_two_hundred_calls_moves_each_by_its_own_lot(
    sbc: Sbc, store: Store, patient: Phone, reception: Phone, centres: list[TeamsPeer]
) -> None:
    centres[0].speaks = False
    flow, problems = checked(THROUGH)
    assert flow is not None, problems
    rung: dict[str, str] = {}
    rings = asyncio.Condition()

    async def one(caller: str, free: asyncio.Semaphore) -> None:
        async with free:
            talk = await patient.call(practice.NUMBER, practice.OURS, sbc.ports.sip, caller=caller)
            async with asyncio.timeout(60), rings:
                await rings.wait_for(lambda: caller in rung)
            talk.hang_up()

    async def listen(home: str, calls: asyncio.Queue[Talk] | asyncio.Queue[TeamsCall]) -> None:
        while True:
            call = await calls.get()
            async with rings:
                rung[call.invite.get("from").split("sip:")[1].split("@")[0]] = home
                rings.notify_all()

    homes = (("pbx", reception.arrived), ("teams", centres[0].calls))
    listeners = [asyncio.create_task(listen(home, calls)) for home, calls in homes]
    async with holding(sbc, store, teams_up=True, moves={"share": 50}, flow=flow):
        free = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(one(f"+49171{2_000_000 + n}", free) for n in range(CALLS)))
    for listener in listeners:
        listener.cancel()
    calls = store.read_now(lambda tx: tx.exec(select(Call)).all())
    assert rung == {call.number: "teams" if lot(call.id) < 0.5 else "pbx" for call in calls}
    assert len(rung) == CALLS
    assert 60 <= Counter(rung.values())["teams"] <= 140  # fair lots leave this in one of 100 million runs


@pytest.mark.usefixtures("no_centres")
async def test_without_teams_the_pbx_rings_staff_see_it_and_a_card_is_left(
    sbc: Sbc, store: Store, patient: Phone, reception: Phone, tmp_path: Path
) -> None:
    reception.behaves = lambda _talk: 486
    async with watching() as watch, holding(sbc, store, teams_up=False) as line:
        talk = await call_reception(sbc, patient)
        async with asyncio.timeout(20):
            await reception.arrived.get()
        begun = len(talk.sound.heard)
        await talk.until(lambda: len(talk.sound.heard) > begun + 20)
        shown = await staff_page(tmp_path, partial(dict, line.live.trunks))
        talk.hang_up()
        async with asyncio.timeout(20):
            await line.drained()
        # the provider's telephone may just have come back from between two tests
        trunks = {name: line.live.trunks[name] for name in ("pbx", "teams")}
        assert trunks == {"pbx": True, "teams": False}
    assert gap(talk, watch) < 5
    cards = store.read_now(lambda tx: tx.exec(select(Card)).all())
    assert [(card.kind, card.number) for card in cards] == [("missed", "+491711234567")]
    late = [name for name in ("pbx", "teams") if f'>{name}</span><b class="late' in shown]
    assert late == ["teams"]


async def staff_page(folder: Path, trunks: partial[dict[str, bool]]) -> str:
    """Return the page on the house, with these trunks."""
    (folder / "staff").mkdir()
    room = open_practice(folder / "staff", Clock(OPEN), trunks=trunks)
    transport = httpx.ASGITransport(create_app(room.house))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        await sign_in(web)
        page = (await web.get("/house")).text
    room.store.close()
    return page
