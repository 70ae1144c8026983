"""A line that ends lets calls finish; who is in a menu still by then is not cut off without a word."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callflow.effects import LineEffect, Record
from callflow.events import CallStarted, HungUp, Recorded
from callflow.frames import Happening
from sip.caller import SmallPhone
from sip.line_config import Destination
from tests.line.house import clip, heard, running
from tests.line.test_golden import LINE, Patient
from tests.line.test_line import MOBILE, dial, menu
from tests.support.simple_phone import Phone

GRACE_S = 1.0


@pytest.mark.parametrize(("status", "outcome"), [(200, "transferred"), (486, "not_reached")])
async def test_a_caller_in_a_menu_is_referred_to_the_reception_and_the_app_may_read_of_it(
    tmp_path: Path, kind: str, status: int, outcome: str
) -> None:
    reception, patient = await Phone.open(LINE, "100"), await Patient.open(LINE, "patient")
    reception.behaves = lambda _talk: status
    ways = {"empfang": Destination(uri=f"sip:100@{LINE}:{reception.port}", method="refer")}
    async with running(tmp_path, menu, ways, kind=kind, grace_s=GRACE_S) as house:
        _, port = house.line.phone.address("udp")
        talk = await patient.call("praxis", LINE, port, caller=MOBILE)
        assert (await talk.answered).status == 200
        house.stop.set()
        async with asyncio.timeout(60):
            await reception.arrived.get()
            await talk.ended.wait()
    assert [(call.outcome, call.caller) for call in house.spooled()] == [(outcome, MOBILE)]
    patient.close()
    reception.close()


async def test_where_only_a_bridge_leads_to_the_reception_the_caller_hears_an_apology_and_the_app_knows(
    tmp_path: Path, kind: str
) -> None:
    ways = {} if kind == "pyvoip" else {"empfang": Destination(uri="sip:100@127.0.0.1:9", method="bridge")}
    async with running(tmp_path, menu, ways, kind=kind, grace_s=GRACE_S) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        assert await talk.hearing.silence(0.2, 10)
        house.stop.set()
        assert await talk.over(60) == "caller"
        await house.app.until(lambda: HungUp("us") in house.app.events())
        assert house.spooled() == []
    assert heard(bytes(talk.hearing.alaw)) == ["menu", "sorry"]


def leaves_a_message(told: Happening) -> LineEffect | None:
    return (
        Record((clip("menu"),), max_ms=8_000, silence_ms=8_000)
        if isinstance(told.event, CallStarted)
        else None
    )


async def test_whoever_leaves_a_message_may_finish_it(tmp_path: Path, kind: str) -> None:
    async with (
        running(tmp_path, leaves_a_message, kind=kind, grace_s=GRACE_S) as house,
        SmallPhone() as phone,
    ):
        talk = await dial(phone, house)
        assert await talk.hearing.silence(0.2, 10)
        house.stop.set()
        await house.app.until(lambda: any(isinstance(event, Recorded) for event in house.app.events()))
        talk.hang_up()
    assert "sorry" not in heard(bytes(talk.hearing.alaw))
