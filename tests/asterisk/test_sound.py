"""How a call over Asterisk sounded reaches its record and the metrics."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from callflow.bootstrap.asterisk import measured
from callflow.metrics import Gauges
from callflow.quality import SoundQuality
from callflow.store import Call, Store
from sip.ami import Message
from sip.asterisk import Live
from sip.asterisk_sound import sound_of
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, Hasty, desk, line_up, sessions
from tests.support.simple_phone import Phone

OPEN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def hangup(*variables: str) -> Message:
    return Message((("Event", "Hangup"), *(("ChanVariable", each) for each in variables)))


@pytest.mark.parametrize(
    ("told", "sound"),
    [
        (
            "ssrc=1;themssrc=2;lp=5;rxjitter=0.012345;rxcount=95;txjitter=0.01;txcount=200;rlp=3;rtt=0.0481",
            SoundQuality(0.05, 12.3, 0.015, 48.1),
        ),
        ("lp=0;rxjitter=0.0;rxcount=125;txcount=118;rlp=0;rtt=0.0", SoundQuality(0.0, 0.0)),
        ("lp=0;rxjitter=0.0;rxcount=0;txcount=118;rlp=7;rtt=0.0", SoundQuality(remote_loss=0.0593)),
        ("", SoundQuality()),
        ("lp=nan;rxcount=inf;rtt=-4;nonsense;=;;", SoundQuality()),
    ],
)
def test_what_asterisk_writes_on_the_channel_is_read(told: str, sound: SoundQuality) -> None:
    assert sound_of(hangup("OTHER=lp=9", f"RTPAUDIOQOS={told}")) == sound


def test_an_asterisk_that_does_not_tell_leaves_the_sound_unknown() -> None:
    assert sound_of(hangup()) == SoundQuality()


@given(st.text(st.characters(codec="ascii"), max_size=80))
def test_any_value_gives_figures_in_their_range_or_none(told: str) -> None:
    sound = sound_of(hangup(f"RTPAUDIOQOS=rxcount=1;txcount=1;{told}"))
    assert 0 <= (sound.loss or 0) <= 1
    assert 0 <= (sound.remote_loss or 0) <= 1


async def test_a_real_call_leaves_its_sound_in_its_record_and_the_metrics(
    switch: Asterisk, ports: practice.Ports, store: Store, patient: Phone
) -> None:
    coder = Coder()
    shared = desk(switch, practice.plan(ports), Hasty(sessions(store, coder, OPEN)), coder, {})
    changes: asyncio.Queue[Live] = asyncio.Queue()
    async with (
        line_up(practice.access(ports), shared, changed=changes.put_nowait) as line,
        asyncio.timeout(40),
    ):
        talk = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller="+491711234567")
        await talk.until(lambda: len(talk.frames) >= 2 * coder.frames, 30)
        talk.hang_up()
        await talk.ended.wait()
        for calls in (1, 0):
            while (await changes.get()).calls != calls:
                pass
        await line.drained()
        gauges = Gauges()
        text = gauges.text(measured((line,), gauges))
    sound = store.read_now(lambda tx: tx.exec(select(Call)).one()).sound
    assert sound.loss == pytest.approx(0, abs=0.01)
    assert sound.jitter_ms is not None
    assert f'rufweiche_line_events_total{{line="{line.name}",kind="calls"}} 1\n' in text
    assert f'events_total{{line="{line.name}",kind="calls_loss_over_5_percent"}} 0\n' in text
