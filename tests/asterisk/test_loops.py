"""A call that comes back to us is cut with a clear reason, and the caller who is in it leaves a card."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from callflow.plan import Plan
from callflow.store import Card, Store
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, Hasty, desk, line_up, sessions
from tests.support.asterisk_pbx import reached
from tests.support.simple_phone import Phone

OPEN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CALLER, OUTSIDE = "+491711234567", "+4915155555555"


def forwarding(ports: practice.Ports) -> Plan:
    """The reception is an outside number, which forwards to the practice."""
    reception = {"kind": "external", "number": OUTSIDE, "via": "amt"}
    return practice.plan(ports, destinations={"empfang": reception})


@pytest.mark.parametrize("network", ["keeps our mark", "says who forwarded"])
async def test_a_call_that_an_outside_number_forwards_back_is_cut_and_leaves_a_card(
    network: str, switch: Asterisk, ports: practice.Ports, store: Store, patient: Phone
) -> None:
    patient.behaves = lambda _talk: 180
    await reached(switch, "amt")
    coder = Coder()
    shared = desk(switch, forwarding(ports), Hasty(sessions(store, coder, OPEN)), coder, {})
    async with line_up(practice.access(ports), shared) as line, asyncio.timeout(40):
        talk = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller=CALLER)
        await talk.until(lambda: coder.code("main_menu") in talk.codes)
        await talk.press("0")
        forwarder = await patient.arrived.get()
        assert f"sip:{OUTSIDE}@" in forwarder.invite.start
        marked = f"X-Rufweiche-Call: {forwarder.invite.get('x-rufweiche-call')}\r\n"
        diverted = f"Diversion: <sip:{OUTSIDE}@{practice.PROVIDER}>;reason=unconditional\r\n"
        extra = marked if network == "keeps our mark" else diverted
        back = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller=CALLER, extra=extra)
        refused = await back.answered
        assert (refused.status >= 400, "cause=25" in refused.get("reason")) == (True, True)
        patient.refuse(forwarder, 500)  # what the forwarder's network makes of it
        await talk.until(lambda: coder.code("reception_busy") in talk.codes, 20)
        talk.hang_up()
        await line.drained()
    (card,) = store.read_now(lambda tx: tx.exec(select(Card)).all())
    assert (card.kind, card.number) == ("missed", CALLER)
