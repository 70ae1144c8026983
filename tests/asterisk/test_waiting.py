"""Who waits for a busy reception is put through as soon as it is free, not at the next blind try."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from callflow.answers import first_waiting
from callflow.effects import Gather
from callflow.events import DigitsPressed, Event, TimedOut
from callflow.plan import Plan
from callflow.store import Store
from sip import performer
from sip.asterisk import AsteriskLine
from sip.asterisk_devices import Devices
from sip.performer import Nudged, Performance
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, Hasty, desk, line_up, sessions
from tests.support.asterisk_pbx import reached
from tests.support.flows import checked
from tests.support.simple_phone import Phone, Talk

FLOW = """
flow: test
start: gruss
everywhere: {"0": warten}
nodes:
  gruss: {say: {text: Im Notfall wählen Sie 112., then: warten}}
  warten: {wait: {destination: empfang, pause_seconds: 60, callback: rueckruf, given_up: rueckruf}}
  rueckruf: {callback: {then: ende}}
  ende: {hangup: {}}
"""
LONG_MS = 60_000  # a caller who is not nudged waits longer than the test
MUSIC = 240  # a file of these tests alone
CODER = Coder({"wait_position": MUSIC})


def watching(ports: practice.Ports, device: str) -> Plan:
    reception = {"kind": "extension", "number": "100", "via": "pbx", "device": device}
    return practice.plan(ports, destinations={"empfang": reception})


@pytest.fixture(params=["", "PJSIP/pbx"], ids=["by our own calls", "by a device of Asterisk's"])
async def line(
    request: pytest.FixtureRequest, switch: Asterisk, classic: Asterisk, ports: practice.Ports, store: Store
) -> AsyncIterator[AsteriskLine]:
    assert classic.daemon.process.poll() is None
    await reached(switch, "pbx")
    found, problems = checked(FLOW)
    assert found is not None, problems
    plan, deciding = watching(ports, request.param), sessions(store, CODER, flow=found)

    async def next_in(destination: str) -> str:
        return await store.read(lambda tx: first_waiting(tx, destination, datetime.now(UTC)))

    shared = desk(switch, plan, Hasty(deciding, LONG_MS, LONG_MS), CODER, {})
    async with line_up(practice.access(ports), shared, next_in=next_in) as line:
        deciding.handlers.occupancy.lines.append(line.occupied)
        yield line


async def heard(talk: Talk, prompt: str) -> None:
    await talk.until(lambda: CODER.code(prompt) in talk.codes, 20)


async def test_the_next_caller_rings_when_the_reception_hangs_up(
    line: AsteriskLine, ports: practice.Ports, reception: Phone, patient: Phone
) -> None:
    async def call(number: str) -> Talk:
        return await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller=number)

    first = await call("+491711111111")
    human = await reception.arrived.get()
    await human.until(lambda: len(human.sound.heard) > 5, 20)
    second = await call("+491722222222")
    await heard(second, "wait_position")
    third = await call("+491733333333")
    await heard(third, "wait_position")
    assert reception.arrived.empty()
    human.hang_up()
    again = await reception.arrived.get()
    await again.until(lambda: len(again.sound.heard) > 5, 20)
    assert ("+491722222222" in again.invite.get("from"), reception.arrived.empty()) == (True, True)
    assert not third.ended.is_set()
    for talk in (second, third):
        talk.hang_up()
    await first.ended.wait()
    await line.drained()


async def test_music_ends_at_once_when_the_reception_is_free(
    line: AsteriskLine, switch: Asterisk, ports: practice.Ports, reception: Phone, patient: Phone
) -> None:
    first = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller="+491711111111")
    human = await reception.arrived.get()
    await human.until(lambda: len(human.sound.heard) > 5, 20)
    (switch.folder.outside / "sounds" / f"prompt-{MUSIC}.alaw").write_bytes(bytes([MUSIC]) * LONG_MS * 8)
    second = await patient.call(practice.NUMBER, practice.OURS, ports.sip, caller="+491722222222")
    await heard(second, "wait_position")
    human.hang_up()
    await reception.arrived.get()
    second.hang_up()
    await first.ended.wait()
    await line.drained()


def test_a_nudge_ends_the_waiting_of_who_has_pressed_nothing() -> None:
    waiting = Performance("collecting", Gather((), digits=1))
    state, actions = performer.happened(waiting, Nudged())
    assert (state.phase, actions) == ("waiting", (performer.Tell(TimedOut()),))
    for busy in (replace(waiting, digits="1"), replace(waiting, phase="transferring")):
        assert performer.happened(busy, Nudged()) == (busy, ())


def test_a_key_after_a_nudge_is_kept_for_what_comes_next() -> None:
    state, _ = performer.happened(Performance("collecting", Gather((), digits=1)), Nudged())
    state, _ = performer.happened(state, performer.Pressed("1"))
    _, actions = performer.begin(state, Gather((), digits=1))
    told: list[Event] = [action.event for action in actions if isinstance(action, performer.Tell)]
    assert told == [DigitsPressed("1")]


def test_a_device_tells_when_it_becomes_free_and_a_group_is_never_occupied() -> None:
    plan = watching(practice.Ports(), "PJSIP/100")
    devices = Devices(plan)
    assert (devices.told("PJSIP/100", "RINGING"), devices.occupied("empfang", ())) == ((), True)
    assert devices.told("PJSIP/100", "INUSE") == ()
    assert devices.told("PJSIP/100", "NOT_INUSE") == ("empfang",)
    assert (devices.occupied("empfang", {"100"}), devices.occupied("none", {"100"})) == (False, False)
    group = practice.plan(
        practice.Ports(), destinations={"empfang": {"kind": "group", "number": "100", "via": "pbx"}}
    )
    assert not Devices(group).occupied("empfang", {"100"})
