"""A number moves while an Asterisk line holds calls: they keep their plan, the next one has the new."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from callflow.store import Store
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, Hasty, desk, line_up, sessions
from tests.support.asterisk_pbx import reached
from tests.support.simple_phone import Phone, Talk

OPEN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
OLD, NEW = "+493012345601", "+493012345602"
DESTINATIONS = {
    "empfang": {"kind": "external", "number": OLD, "via": "amt", "teams": "team"},
    "team": {"kind": "external", "number": NEW, "via": "amt"},
}
NUMBER = {"flow": "praxis", "destination": "empfang"}
MOVED = NUMBER | {"migration": {"to": "teams", "start": "2026-01-01", "fallback": False}}


async def through(talk: Talk, phone: Phone) -> str:
    """Ask for a human, who answers, and hang up; return who was rung."""
    await talk.press("0")
    human = await phone.arrived.get()
    await human.until(lambda: len(human.sound.heard) > 5, 30)
    talk.hang_up()
    await human.ended.wait()
    return human.invite.start.partition("sip:")[2].partition("@")[0]


async def test_a_call_keeps_the_number_plan_it_began_with_and_the_next_one_has_the_new(
    switch: Asterisk, ports: practice.Ports, store: Store, patient: Phone
) -> None:
    before, after = (
        practice.plan(ports, destinations=DESTINATIONS, numbers={practice.NUMBER: number})
        for number in (NUMBER, MOVED)
    )
    coder, talks = Coder(), list[Talk]()
    house = Hasty(sessions(store, coder, OPEN), first_ms=20_000)
    await reached(switch, "amt")
    async with line_up(practice.access(ports), desk(switch, before, house, coder, {})) as line:
        async with asyncio.timeout(60):
            for caller, plan in (("+491711234501", before), ("+491711234502", after)):
                line.renumber(plan)
                talks.append(await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller=caller))
                await talks[-1].until(lambda: coder.code("main_menu") in talks[-1].codes, 30)
            assert [await through(talk, patient) for talk in talks] == [OLD, NEW]
            await line.drained()
