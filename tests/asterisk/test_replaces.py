"""INVITE with Replaces (RFC 3891), which we never announce: demanded it is refused, asked for ignored."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from callflow.store import Store
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, Hasty, desk, line_up, sessions
from tests.support.simple_phone import Phone

OPEN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


async def test_who_demands_replaces_is_refused_and_told_why(
    switch: Asterisk, ports: practice.Ports, patient: Phone
) -> None:
    assert switch
    extra = "Require: replaces\r\nReplaces: some@call;to-tag=a;from-tag=b\r\n"
    talk = await patient.call(practice.NUMBER, practice.OURS, ports.sip, extra=extra)
    async with asyncio.timeout(20):
        refused = await talk.answered
    talk.ended.set()
    told = (refused.status, refused.get("unsupported"), "replaces" in refused.get("supported"))
    assert told == (420, "replaces", False)


async def test_who_only_asks_for_it_gets_a_call_of_its_own_and_nobody_loses_theirs(
    switch: Asterisk, ports: practice.Ports, store: Store, patient: Phone
) -> None:
    coder = Coder()
    plan = practice.plan(ports)
    shared = desk(switch, plan, Hasty(sessions(store, coder, OPEN)), coder, {})
    async with line_up(practice.access(ports), shared) as line, asyncio.timeout(40):
        first = await patient.call(practice.NUMBER, practice.OURS, ports.sip)
        await first.until(lambda: coder.code("main_menu") in first.codes, 20)
        answer = await first.answered
        tags = [answer.get(side).partition("tag=")[2] for side in ("to", "from")]
        extra = f"Replaces: {first.call_id};to-tag={tags[0]};from-tag={tags[1]}\r\n"
        second = await patient.call(practice.NUMBER, practice.OURS, ports.sip, extra=extra)
        await second.until(lambda: coder.code("main_menu") in second.codes, 20)
        assert not first.ended.is_set()
        first.hang_up()
        second.hang_up()
        await line.drained()
