"""What a caller hears over a real Asterisk, and what happens when the manager's connection breaks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from callflow.store import Store
from sip import agi
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, Hasty, desk, line_up, sessions
from tests.support.simple_phone import Phone

OPEN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


async def test_prompts_reach_the_caller_byte_by_byte(
    switch: Asterisk, ports: practice.Ports, store: Store, patient: Phone
) -> None:
    coder = Coder()
    shared = desk(switch, practice.plan(ports), Hasty(sessions(store, coder, OPEN)), coder, {})
    async with line_up(practice.access(ports), shared):
        talk = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller="+491711234567")
        await talk.until(lambda: len(talk.frames) >= 2 * coder.frames)
        talk.hang_up()
    wanted = [coder.code("greeting")] * coder.frames + [coder.code("main_menu")] * coder.frames
    assert talk.frames[: 2 * coder.frames] == wanted


async def test_a_caller_stays_in_the_menu_when_the_managers_connection_breaks(
    switch: Asterisk, ports: practice.Ports, store: Store, patient: Phone
) -> None:
    coder, ups = Coder(), asyncio.Queue()
    house = Hasty(sessions(store, coder, OPEN), first_ms=6000)
    shared = desk(switch, practice.plan(ports), house, coder, {})
    async with line_up(practice.access(ports), shared, changed=ups.put_nowait) as line:
        talk = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller="+491711234567")
        await talk.until(lambda: coder.code("main_menu") in talk.codes)
        line.manager._wire.hang_up()  # noqa: SLF001  # the network, not we, would break it
        async with asyncio.timeout(10):
            while (await ups.get()).connected:
                pass
            await line.manager.up.wait()
        (call,) = line.calls.values()
        await call.channel.catch_up()
        await talk.press("1")
        await talk.until(lambda: coder.code("link_offer") in talk.codes)
        talk.hang_up()
        async with asyncio.timeout(10):
            await line.drained()


def test_results_are_read_as_asterisk_writes_them() -> None:
    assert agi.parse("200%20result%3D49%20endpos%3D800%0A") == agi.Result(200, 49, "", 800)
    assert agi.parse("200%20result%3D49%20endpos%3D800%0A").key == "1"
    assert agi.parse("200%20result%3D1%20%28BUSY%2017%29").text == "BUSY 17"
    assert agi.parse("520%20Invalid").code == 520
    assert agi.parse("anything") == agi.Result(520, -1)
