"""Click-to-call over a real Asterisk: what both telephones hear, and what the card says afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from callflow.dialling import DialRequest, DialResult
from callflow.plan import Plan
from callflow.store import Store
from sip.asterisk import AsteriskLine
from sip.asterisk_dialling import ANSWERED, LOOK, REFUSED, Note, outside, own_telephone, rung
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import QUIET_CODES, Coder, Hasty, desk, line_up, sessions
from tests.support.asterisk_pbx import reached
from tests.support.dialling import PATIENT, PRACTICE, Desk
from tests.support.simple_phone import Phone, Talk

CODER = Coder()
MFA_SAYS, PATIENT_SAYS = 251, 252
MOBILE = "+4915112345678"


@pytest.fixture
async def line(  # noqa: PLR0913, PLR0917  # fixtures
    switch: Asterisk,
    classic: Asterisk,
    ports: practice.Ports,
    store: Store,
    reception: Phone,
    patient: Phone,
) -> AsyncIterator[AsteriskLine]:
    assert classic.daemon.process.poll() is None
    await reached(switch, "pbx", "amt")
    assert (patient.port, reception.port) == (ports.provider, ports.reception)
    shared = desk(switch, practice.plan(ports), Hasty(sessions(store, CODER)), CODER, {})
    async with line_up(practice.access(ports), shared) as line:
        yield line


@pytest.fixture(autouse=True)
def brief(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is a conversation here, and a telephone that nobody picks up rings for few of them."""
    if "180" in request.node.name:
        monkeypatch.setattr("sip.asterisk_dialling.RING_OWN_S", 4)
        monkeypatch.setattr("sip.asterisk_dialling.RING_PATIENT_S", 4)
    monkeypatch.setattr("sip.asterisk_dialling.PAUSE_S", 0.01)
    monkeypatch.setattr("callflow.dialling._NO_CONVERSATION_S", 0.0)
    monkeypatch.setattr("callflow.dialling._PHONE_OFF_S", 0.0)


def at_desk(store: Store, line: AsteriskLine, device: str = "100") -> Desk:
    return Desk.of(store, CODER, {"anlage": line.dialler}, device)


async def hears(talk: Talk, code: int) -> None:
    await talk.until(lambda: code in talk.codes, 20)


async def spoken_with(talk: Talk) -> None:
    await talk.until(lambda: len(talk.sound.heard) > 2, 20)


async def test_person_and_patient_speak_and_the_card_says_how_long(
    line: AsteriskLine, store: Store, reception: Phone, patient: Phone
) -> None:
    at = at_desk(store, line)
    await at.call()
    mfa = await reception.arrived.get()
    assert at.story()[-1] == "dialling"  # written down before anything rang
    await hears(mfa, CODER.code("dial_announce"))
    called = await patient.arrived.get()
    assert f"sip:{PATIENT}@" in called.invite.start
    assert f"<sip:{PRACTICE}@" in called.invite.get("from")
    mfa.voice, called.voice = MFA_SAYS, PATIENT_SAYS
    await hears(called, MFA_SAYS)
    await hears(mfa, PATIENT_SAYS)
    called.hang_up()
    await at.over()
    ((outcome, seconds),) = at.became()
    assert (outcome, seconds in range(20)) == ("answered", True)
    await mfa.ended.wait()


@pytest.mark.parametrize(
    ("status", "outcome"), [(486, "busy"), (603, "refused"), (180, "no_answer"), (500, "failed")]
)
async def test_the_card_says_why_nobody_was_reached(  # noqa: PLR0913, PLR0917  # fixtures
    status: int, outcome: str, line: AsteriskLine, store: Store, reception: Phone, patient: Phone
) -> None:
    patient.behaves = lambda _talk: status
    at = at_desk(store, line)
    await at.call()
    mfa = await reception.arrived.get()
    await patient.arrived.get()
    await at.over()
    assert at.became() == [(outcome, 0)]
    assert not at.calls.diallers["anlage"]._signals  # type: ignore[attr-defined]  # noqa: SLF001  # nothing is left behind
    await mfa.ended.wait()


@pytest.mark.parametrize("device", ["100", MOBILE])
async def test_who_picks_up_hears_a_moment_of_quiet_before_the_first_word(  # noqa: PLR0913, PLR0917  # fixtures
    device: str,
    line: AsteriskLine,
    store: Store,
    reception: Phone,
    patient: Phone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sound flows meanwhile: a PBX has joined both sides by then. The time is long for a slow machine."""
    monkeypatch.setattr("sip.asterisk_dialling.PAUSE_S", 1.5)
    at = at_desk(store, line, device)
    await at.call()
    own = await (reception if device == "100" else patient).arrived.get()
    await own.until(lambda: bool(own.frames), 20)
    first = next(n for n, (_, payload) in enumerate(own.sound.heard) if payload[0] == own.frames[0])
    assert {*b"".join(payload for _, payload in own.sound.heard[:first])} <= {*QUIET_CODES}
    assert first > 0
    own.hang_up()
    await at.over()


async def test_a_key_counts_before_it_was_asked_for(
    line: AsteriskLine, store: Store, patient: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who makes many such calls need not wait."""
    monkeypatch.setattr("sip.asterisk_dialling.PAUSE_S", 60)
    at = at_desk(store, line, MOBILE)
    await at.call()
    mobile = await patient.arrived.get()
    await spoken_with(mobile)
    await mobile.press("1")
    await hears(mobile, CODER.code("dial_announce"))
    assert CODER.code("dial_confirm") not in mobile.codes
    mobile.hang_up()
    await at.over()


@pytest.mark.parametrize("status", [180, 486, 603])
async def test_a_patient_never_rings_when_the_person_does_not_pick_up(
    status: int, line: AsteriskLine, store: Store, reception: Phone, patient: Phone
) -> None:
    reception.behaves = lambda _talk: status
    at = at_desk(store, line)
    await at.call()
    await at.over()
    assert (at.became(), patient.arrived.empty()) == ([("not_picked_up", 0)], True)


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (("34", REFUSED), "34"),
        ((REFUSED, "34"), "34"),
        ((REFUSED,), ""),
        ((ANSWERED,), ANSWERED),
        (("16", ANSWERED), ANSWERED),
        (("34", LOOK), LOOK),
        ((REFUSED, LOOK), LOOK),
    ],
)
async def test_how_ringing_ended_is_known_in_whatever_order_asterisk_tells(
    told: tuple[str, ...], end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A try that has no cause made no channel: that telephone answers no OPTIONS."""
    monkeypatch.setattr("sip.asterisk_dialling.CAUSE_LATE_S", 0.05)
    signals: asyncio.Queue[str] = asyncio.Queue()
    for signal in told:
        signals.put_nowait(signal)
    assert await rung(signals) == end


async def test_a_person_who_hangs_up_while_it_rings_has_cancelled(
    line: AsteriskLine, store: Store, reception: Phone, patient: Phone
) -> None:
    patient.behaves = lambda _talk: 180
    at = at_desk(store, line)
    await at.call()
    mfa = await reception.arrived.get()
    called = await patient.arrived.get()
    mfa.hang_up()
    await at.over()
    assert at.became() == [("cancelled", 0)]
    await called.ended.wait()


async def test_a_telephone_outside_hears_who_is_called_only_after_a_key(
    line: AsteriskLine, store: Store, patient: Phone
) -> None:
    """The provider's telephone is both here: first the person's own mobile, then the patient's."""
    at = at_desk(store, line, MOBILE)
    await at.call()
    mobile = await patient.arrived.get()
    assert f"sip:{MOBILE}@" in mobile.invite.start
    await hears(mobile, CODER.code("dial_confirm"))
    await mobile.press("1")
    await hears(mobile, CODER.code("dial_announce"))
    assert mobile.codes.index(CODER.code("dial_confirm")) < mobile.codes.index(CODER.code("dial_announce"))
    called = await patient.arrived.get()
    assert f"sip:{PATIENT}@" in called.invite.start
    called.voice = PATIENT_SAYS
    await hears(mobile, PATIENT_SAYS)
    mobile.hang_up()
    await at.over()
    assert at.became()[0][0] == "answered"


async def test_after_a_broken_connection_the_outcome_is_found_and_nothing_rings_twice(
    line: AsteriskLine, store: Store, reception: Phone, patient: Phone
) -> None:
    at = at_desk(store, line)
    await at.call()
    mfa = await reception.arrived.get()
    called = await patient.arrived.get()
    await spoken_with(called)
    line.manager._wire.hang_up()  # noqa: SLF001  # the network, not we, would break it
    called.hang_up()
    await at.over()
    assert at.became()[0][0] == "answered"
    await mfa.ended.wait()
    assert (reception.arrived.empty(), patient.arrived.empty()) == (True, True)


async def test_a_house_that_starts_again_asks_what_became_of_a_call(
    line: AsteriskLine, store: Store, reception: Phone, patient: Phone
) -> None:
    before = at_desk(store, line)
    await before.call()
    mfa = await reception.arrived.get()
    called = await patient.arrived.get()
    await spoken_with(called)
    await before.calls.close()
    assert before.became() == []
    after = Desk(store, type(before.calls)(**_parts(before)), before.user, before.card)
    await after.calls.resume()
    called.hang_up()
    await after.over()
    assert ([outcome for outcome, _ in after.became()], reception.arrived.empty()) == (["answered"], True)
    await mfa.ended.wait()


def _parts(of: Desk) -> dict[str, object]:
    return {name: getattr(of.calls, name) for name in ("store", "speaker", "diallers", "caller_ids", "clock")}


@pytest.mark.parametrize("number", ["+49112", "+49110", "+49116117", "112", "", "+499001234567"])
async def test_numbers_that_are_never_dialled_are_refused(number: str, line: AsteriskLine) -> None:
    request = DialRequest("never", "card", "100", number, PRACTICE)
    assert await line.dialler.dial(request) == DialResult("refused")


def test_each_telephone_is_dialled_where_the_plan_says() -> None:
    plan = practice.plan(practice.Ports()).model_dump()
    plan["trunks"]["teams"] = {"kind": "teams", "fqdn": "sbc.test", "certificate": "c", "key": "k"}
    plan["destinations"]["anna"] = {"kind": "teams", "number": "+4935112345611", "via": "teams"}
    plan = Plan.model_validate(plan)
    assert own_telephone(plan, "23") == "PJSIP/23@pbx"
    assert own_telephone(plan, "+4935112345611") == "PJSIP/+4935112345611@teams"
    assert own_telephone(plan, MOBILE) == f"PJSIP/{MOBILE}@amt"
    assert [own_telephone(plan, bad) for bad in ("", "+49112", "1,2", "anna")] == ["", "", "", ""]
    assert outside(plan) == "amt"


def test_a_note_that_was_not_finished_leaves_the_outcome_unknown() -> None:
    assert Note.read("1700000000").result() == DialResult("unknown")
    assert Note.read("1700000000||||").result() == DialResult("cancelled")
    assert Note.read("1700000000|BUSY|800||17").result() == DialResult("busy")
    assert Note.read("1700000000|ANSWER|40000|31000|16").result() == DialResult("answered", 31)
