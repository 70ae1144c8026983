"""What a caller hears over a real Asterisk, and what happens when the manager's connection breaks."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import select

from callflow.store import Call, Card, Store
from sip import agi
from sip.asterisk import LIFE_TURNS, life_turn
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, Hasty, desk, line_up, sessions
from tests.support.asterisk_pbx import recordings
from tests.support.flows import flow_of
from tests.support.simple_phone import Phone
from tests.support.stores import open_store

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


class LongMenu(Coder):
    """The menu lasts six seconds."""

    def sound(self, key: str) -> bytes:
        return super().sound(key) * (50 if key == self.clip("main_menu") else 1)


async def test_a_key_ends_the_prompt_that_is_being_played(
    switch: Asterisk, ports: practice.Ports, store: Store, patient: Phone
) -> None:
    coder = LongMenu({"main_menu": 241})  # a file of this test alone
    shared = desk(switch, practice.plan(ports), Hasty(sessions(store, coder, OPEN)), coder, {})
    async with line_up(practice.access(ports), shared), asyncio.timeout(40):
        talk = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller="+491711234567")
        await talk.until(lambda: 241 in talk.codes, 20)
        await talk.press("1")
        await talk.until(lambda: coder.code("link_offer") in talk.codes, 20)
        talk.hang_up()
    assert talk.frames.count(241) < 50 * coder.frames


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
        async with asyncio.timeout(30):
            while (await ups.get()).connected:
                pass
            await line.manager.up.wait()
        (call,) = line.calls.values()
        await call.channel.catch_up()
        await talk.press("1")
        await talk.until(lambda: coder.code("link_offer") in talk.codes)
        talk.hang_up()
        async with asyncio.timeout(30):
            await line.drained()


async def test_a_server_that_starts_anew_takes_up_callers_where_they_stand(
    ports: practice.Ports, patient: Phone, tmp_path: Path
) -> None:
    """The second one knows nothing but the database and what Asterisk tells it."""
    own = practice.Ports(pbx=ports.pbx, provider=ports.provider)
    asterisk = practice.switch(practice.plan(own))
    coder, first = Coder(), open_store(tmp_path)
    try:
        shared = desk(
            asterisk, practice.plan(own), Hasty(sessions(first, coder, OPEN), first_ms=15_000), coder, {}
        )
        async with line_up(practice.access(own), shared), asyncio.timeout(30):
            talk = await patient.call(practice.NUMBER, practice.OURS, own.sip, caller="+491711234567")
            await talk.until(lambda: coder.code("main_menu") in talk.codes)
        first.close()
        again = open_store(tmp_path)
        shared = desk(
            asterisk, practice.plan(own), Hasty(sessions(again, coder, OPEN), first_ms=15_000), coder, {}
        )
        async with line_up(practice.access(own), shared) as line, asyncio.timeout(30):
            assert len(line.calls) == 1
            await talk.press("1")
            await talk.until(lambda: coder.code("link_offer") in talk.codes, 20)
            await talk.press("1")
            await talk.until(lambda: coder.code("link_sent") in talk.codes, 20)
            await talk.ended.wait()
            await line.drained()
        assert again.read_now(lambda tx: tx.exec(select(Call)).one()).outcome == "deflected"
        again.close()
    finally:
        asterisk.stop()


SUNDAY = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
VOICE = 251


async def test_a_voice_message_is_recorded_after_consent_and_sealed_into_a_card(
    switch: Asterisk, ports: practice.Ports, store: Store, patient: Phone
) -> None:
    coder, kept = Coder(), {}
    flow = flow_of("einzelpraxis", "sommer")
    shared = desk(switch, practice.plan(ports), Hasty(sessions(store, coder, SUNDAY, flow)), coder, kept)
    async with line_up(practice.access(ports), shared) as line, asyncio.timeout(40):
        talk = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller="+491711234567")
        await talk.until(lambda: len(talk.codes) >= 3, 20)  # greeting, "closed", menu
        await talk.press("2")
        await talk.until(lambda: coder.code("record_consent") in talk.codes, 20)
        # The beep is the first sound whose frames are not all one byte.
        await talk.until(lambda: any(len(set(payload)) > 1 for _, payload in talk.sound.heard), 20)
        talk.voice = VOICE
        before = len(talk.sound.heard)
        await talk.until(lambda: len(talk.sound.heard) > before + 75, 20)  # a second and a half
        await talk.press("#")
        await talk.until(lambda: coder.code("record_done") in talk.codes, 20)
        await talk.ended.wait()
        await line.drained()
    card = store.read_now(lambda tx: tx.exec(select(Card)).one())
    assert (card.kind, card.concern, [card.recording]) == ("voice", "sonstiges", list(kept))
    (sound,) = kept.values()
    assert sound.count(VOICE) > 6000  # most of a second and a half at 8 kHz
    assert list(recordings(switch).iterdir()) == []  # the open file is gone


def test_results_are_read_as_asterisk_writes_them() -> None:
    assert agi.parse("200%20result%3D49%20endpos%3D800%0A") == agi.Result(200, 49, "", 800)
    assert agi.parse("200%20result%3D49%20endpos%3D800%0A").key == "1"
    assert agi.parse("200%20result%3D1%20%28BUSY%2017%29").text == "BUSY 17"
    assert agi.parse("520%20Invalid").code == 520
    assert agi.parse("anything") == agi.Result(520, -1)


def test_the_signs_of_life_of_two_hundred_calls_never_come_all_at_once() -> None:
    """A key's answer waits in one queue with them."""
    turns = Counter(life_turn(f"anlage-1795339210-{number}") for number in range(200))
    assert (sum(turns.values()), set(turns) <= set(range(LIFE_TURNS))) == (200, True)
    assert max(turns.values()) <= 25
