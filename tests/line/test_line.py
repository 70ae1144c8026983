"""Real calls over loopback through the whole line; only the app behind the socket is a test's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from callflow.effects import Gather, HangUp, LineEffect, Play, Record, Transfer
from callflow.events import (
    CallStarted,
    DigitsPressed,
    HungUp,
    PromptFinished,
    Recorded,
    TransferAnswered,
    TransferFailed,
    TransferProblem,
)
from callflow.frames import Happening
from callflow.g711 import to_alaw
from callflow.sealing import Sealer, load_key
from callflow.voice_messages import sound
from sip.caller import SmallPhone, Talk
from sip.line_config import Destination
from sip.media.recording import dbfs as level
from sip.signalling.leg import Leg
from tests.line.house import CLIP_MS, DID, House, clip, heard, running

MOBILE = "+491711234567"


def menu(told: Happening) -> LineEffect | None:
    """Play a menu, take one key, say goodbye."""
    match told.event:
        case CallStarted():
            return Play((clip("menu"),))
        case PromptFinished():
            return Gather((), digits=1, first_ms=10_000)
        case HungUp():
            return None
    return HangUp((clip("bye"),))


async def dial(phone: SmallPhone, house: House, number: str = MOBILE) -> Talk:
    talk = phone.dial(house.uri, number)
    assert await talk.answered(10), talk.outcome
    return talk


async def test_a_call_is_answered_hears_the_prompt_presses_a_key_and_is_hung_up(
    tmp_path: Path, kind: str
) -> None:
    async with running(tmp_path, menu, kind=kind) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        assert await talk.hearing.silence(0.2, 10)
        await talk.press("4")
        assert await talk.over(10) == "caller"
        await house.app.until(lambda: HungUp("us") in house.app.events())
    started, *rest = house.app.events()
    assert isinstance(started, CallStarted)
    assert (started.dialled, started.caller.number, started.line) == (DID, MOBILE, "test")
    assert rest == [PromptFinished(), DigitsPressed("4"), HungUp("us")]
    assert [told.turn for told in house.app.happenings] == [0, 1, 2, 3]
    assert heard(bytes(talk.hearing.alaw)) == ["menu", "bye"]


async def test_the_caller_hears_the_prompt_in_its_full_length_and_level(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, menu, kind=kind) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        assert await talk.hearing.silence(0.3, 10)
        talk.hang_up()
    frames = [bytes(talk.hearing.alaw[at : at + 160]) for at in range(0, len(talk.hearing.alaw), 160)]
    loud = [frame for frame in frames if level(frame) > -40]
    assert len(loud) * 20 == pytest.approx(CLIP_MS, abs=40)
    assert talk.hearing.active_dbfs() == pytest.approx(-15.3, abs=0.5)


async def test_a_caller_who_hangs_up_is_told_to_the_app_at_once(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, menu, kind=kind) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        await talk.hearing.until(lambda: talk.hearing.spoke, 10)
        talk.hang_up()
        await house.app.until(lambda: HungUp("caller") in house.app.events())
    assert house.spooled() == []


async def test_an_unknown_number_is_refused(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, menu, kind=kind) as house, SmallPhone() as phone:
        talk = phone.dial(house.uri.replace("praxis", "nobody"), MOBILE)
        assert await talk.answered(10) is False
    assert house.app.happenings == []


def _decides_to_transfer(told: Happening) -> LineEffect | None:
    if isinstance(told.event, CallStarted):
        return Transfer((), "empfang", ring_ms=3000)
    return None if isinstance(told.event, HungUp) else HangUp((clip("bye"),))


async def test_a_voice_message_is_kept_sealed_with_what_the_caller_said(tmp_path: Path, kind: str) -> None:
    def decide(told: Happening) -> LineEffect | None:
        if isinstance(told.event, CallStarted):
            return Record((), max_ms=10_000, silence_ms=5_000)
        return None if isinstance(told.event, HungUp) else HangUp(())

    async with running(tmp_path, decide, kind=kind) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        await talk.hearing.silence(0.1, 10)  # the beep
        done = asyncio.Event()
        talk.stream.play([speech(1760)], done.set)
        await done.wait()
        talk.hang_up()
        await house.app.until(lambda: HungUp("caller") in house.app.events())
        (recorded,) = [event for event in house.app.events() if isinstance(event, Recorded)]
        key = Sealer(load_key(house.config.key_file))
        kept = sound(house.config.recordings, key, recorded.recording)
    assert 800 <= recorded.ms <= 1200
    assert heard(kept) == ["sorry"]


def speech(hertz: float) -> bytes:
    """Return a second of a tone that `heard` names."""
    return to_alaw((8000 * np.sin(2 * np.pi * hertz * np.arange(8000) / 8000)).astype(np.int16))


async def test_without_an_app_the_caller_hears_the_fallback_and_the_call_is_spooled(
    tmp_path: Path, kind: str
) -> None:
    async with running(tmp_path, menu, kind=kind) as house, SmallPhone() as phone:
        await house.app.stop()
        talk = await dial(phone, house)
        assert await talk.over(15) == "caller"
        await _settled(house)
    (spooled,) = house.spooled()
    assert (spooled.dialled, spooled.caller, spooled.outcome) == (DID, MOBILE, "not_reached")
    assert heard(bytes(talk.hearing.alaw)) == ["fallback", "sorry"]


async def test_an_app_that_is_too_slow_costs_its_time_and_then_the_line_acts_alone(
    tmp_path: Path, kind: str
) -> None:
    async with running(tmp_path, menu, kind=kind) as house, SmallPhone() as phone:
        house.app.silent = True
        talk = await dial(phone, house)
        assert await talk.over(15) == "caller"
        await _settled(house)
    assert [call.outcome for call in house.spooled()] == ["not_reached"]


async def test_a_caller_who_gives_up_while_the_app_is_away_is_spooled(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, menu, kind=kind) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        await house.app.until(lambda: bool(house.line.calls))
        (call,) = house.line.calls.values()
        await talk.hearing.until(lambda: talk.hearing.spoke and call.sound.received > 1, 10)
        await house.app.stop()
        talk.hang_up()
        await _settled(house)
    (spooled,) = house.spooled()
    assert (spooled.caller, spooled.outcome) == (MOBILE, "hung_up")
    assert (spooled.sound.loss, spooled.sound.jitter_ms is None) == (0.0, False)


async def test_a_call_goes_on_when_the_app_comes_back_before_it_is_needed(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, menu, kind=kind) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        await talk.hearing.silence(0.2, 10)
        await house.app.stop()
        await house.app.start()
        await talk.press("1")
        assert await talk.over(10) == "caller"
        assert house.app.hellos[-1].calls == (house.app.happenings[0].call,)
    assert heard(bytes(talk.hearing.alaw)) == ["menu", "bye"]
    assert house.spooled() == []


async def test_an_unknown_destination_fails_and_the_app_goes_on(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, _decides_to_transfer, kind=kind) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        assert await talk.over(10) == "caller"
    assert TransferFailed("failed") in house.app.events()


async def test_stopping_lets_a_call_finish_and_takes_no_new_one(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, menu, kind=kind) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        assert await talk.hearing.silence(0.2, 10)
        house.stop.set()
        late = phone.dial(house.uri, MOBILE)
        assert await late.answered(10) is False
        await talk.press("1")
        assert await talk.over(5) == "caller"
    assert heard(bytes(talk.hearing.alaw)) == ["menu", "bye"]
    assert [type(event) for event in house.app.events()].count(CallStarted) == 1


async def test_a_call_that_outlasts_the_limit_is_hung_up(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path, menu, kind=kind, grace_s=0.2) as house, SmallPhone() as phone:
        talk = await dial(phone, house)
        house.stop.set()
        assert await talk.over(5) == "caller"
        await house.app.until(lambda: HungUp("us") in house.app.events())


async def _settled(house: House, *outcomes: str) -> None:
    """Wait until the spool holds a call (with one of `outcomes`)."""
    async with asyncio.timeout(10):
        # Another thread writes the file: there is no event to await.
        while not any(call.outcome in outcomes or not outcomes for call in house.spooled()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Desk:
    """A destination: answers, or refuses with a SIP code, or lets it ring (0)."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.talks: asyncio.Queue[Talk] = asyncio.Queue()
        self.callers: list[str] = []
        self.phone = SmallPhone(on_invite=self._invited)

    def _invited(self, leg: Leg) -> None:
        self.callers.append(leg.identity.number)
        if self.code == 200:
            self.talks.put_nowait(self.phone.take(leg))
        elif self.code:
            leg.refuse(self.code)
        else:
            leg.ring()


def empfang(desk: Desk) -> dict[str, Destination]:
    return {"empfang": Destination(uri=desk.phone.uri, method="bridge")}


async def test_a_bridge_joins_caller_and_destination_until_one_hangs_up(tmp_path: Path) -> None:
    desk = Desk(200)
    async with (
        desk.phone,
        running(tmp_path, _decides_to_transfer, empfang(desk)) as house,
        SmallPhone() as phone,
    ):
        talk = await dial(phone, house)
        far = await asyncio.wait_for(desk.talks.get(), 10)
        await house.app.until(lambda: TransferAnswered() in house.app.events())
        talk.stream.play([speech(880)])
        far.stream.play([speech(1760)])
        assert await talk.hearing.silence(0.2, 10)
        assert await far.hearing.silence(0.2, 10)
        far.hang_up()
        assert await talk.over(10) == "caller"
        await house.app.until(lambda: HungUp("destination") in house.app.events())
    assert (heard(bytes(talk.hearing.alaw)), heard(bytes(far.hearing.alaw))) == (["sorry"], ["bye"])
    assert desk.callers == [MOBILE]


@pytest.mark.parametrize(("code", "problem"), [(486, "busy"), (603, "refused"), (0, "no_answer")])
async def test_a_destination_that_does_not_take_the_call_leaves_the_caller_with_us(
    tmp_path: Path, code: int, problem: TransferProblem
) -> None:
    desk = Desk(code)
    async with (
        desk.phone,
        running(tmp_path, _decides_to_transfer, empfang(desk)) as house,
        SmallPhone() as phone,
    ):
        talk = await dial(phone, house)
        assert await talk.over(15) == "caller"
    assert TransferFailed(problem) in house.app.events()
    assert heard(bytes(talk.hearing.alaw))[-1:] == ["bye"]


async def test_without_an_app_the_destination_gets_the_call(tmp_path: Path) -> None:
    desk = Desk(200)
    async with (
        desk.phone,
        running(tmp_path, menu, empfang(desk)) as house,
        SmallPhone() as phone,
    ):
        await house.app.stop()
        talk = await dial(phone, house)
        far = await asyncio.wait_for(desk.talks.get(), 10)
        await _settled(house, "transferred")
        assert [call.sound.known for call in house.spooled()] == [False]  # they are talking
        talk.hang_up()
        await far.over(10)
    assert [(call.outcome, call.sound.known) for call in house.spooled()] == [("transferred", True)]
