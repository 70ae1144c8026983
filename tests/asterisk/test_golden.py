"""The golden calls, told over a real Asterisk by callers on the provider's trunk."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callflow import numbers
from callflow.events import CallStarted, Event
from callflow.golden import ZONE, Case, Scene, read_case
from callflow.plan import Plan
from callflow.session import EndedAlone, Reaction
from callflow.store import Store
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import FRAMES, Coder, Hasty, desk, line_up, sessions
from tests.support.flows import golden_calls
from tests.support.left_behind import expected, left_behind
from tests.support.simple_phone import Phone, Talk
from tests.support.stores import open_store

CASES = [(path, read_case(path)) for path in golden_calls("praxis")]
STATUS = {"answered": 200, "busy": 486, "no_answer": 180, "refused": 603, "failed": 500}


@dataclass
class House:
    """One golden call's own practice: number, database and clock."""

    number: str
    case: Case
    store: Store
    coder: Coder
    reception: Phone
    sessions: Hasty = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = Hasty(sessions(self.store, self.coder, self.case.at.replace(tzinfo=ZONE)))


class Street:
    """Many practices behind one line, told apart by the number that was called."""

    def __init__(self, houses: list[House]) -> None:
        self._by_number = {house.number: house for house in houses}
        self._by_call: dict[str, House] = {}

    async def happened(self, call: str, turn: int, event: Event) -> Reaction:
        if isinstance(event, CallStarted):
            self._by_call[call] = self._by_number[event.dialled]
        return await self._by_call[call].sessions.happened(call, turn, event)

    async def lost(self, _line: str, _holding: object) -> list[str]:
        return []

    async def ended_alone(self, ended: EndedAlone) -> None:
        raise AssertionError(f"the line gave up on {ended.call}")


class Story:
    """Plays a golden call's scenes on the telephone."""

    def __init__(self, talk: Talk, coder: Coder, case: Case) -> None:
        self._talk = talk
        self._coder = coder
        self._case = case
        self._expected: list[int] = []

    async def play(self, scene: Scene) -> None:
        if scene.hears:
            await self._hear([self._coder.code(name) for name in scene.hears])
        elif scene.presses:
            await self._talk.press(scene.presses)
        elif scene.does == "hangs up":
            self._talk.hang_up()

    async def _hear(self, codes: list[int]) -> None:
        self._expected += codes
        await self._talk.until(lambda: len(self._heard()) >= len(self._expected) or self._talk.ended.is_set())
        heard = [self._coder.name(code) for code in self._heard()[: len(self._expected)]]
        assert (self._case.call, heard) == (self._case.call, [self._coder.name(c) for c in self._expected])

    def _heard(self) -> list[int]:
        # A key that Asterisk stretched makes a prompt pause: its frames are counted, not its parts.
        heard = []
        for code, frames in itertools.groupby(self._talk.frames):
            heard += [code] * max(1, round(len(list(frames)) / FRAMES))
        return heard


async def tell(house: House, patient: Phone, port: int, at_once: asyncio.Semaphore) -> None:
    async with at_once:
        await told(house, patient, port)


async def told(house: House, patient: Phone, port: int) -> None:
    caller = numbers.e164(house.case.number) or "anonymous"
    talk = await patient.call(house.number, practice.OURS, port, caller=caller)
    story = Story(talk, house.coder, house.case)
    for scene in house.case.story:
        try:
            await story.play(scene)
        except AssertionError:
            talk.hang_up()
            raise
        if scene.answer == "answered":
            human = await house.reception.arrived.get()
            await human.until(lambda: len(human.sound.heard) > 5)  # noqa: B023  # awaited before it changes
            talk.hang_up()
    async with asyncio.timeout(20):
        await talk.ended.wait()


def answer(case: Case) -> str:
    return next((scene.answer for scene in case.story if scene.answer), "")


def street_plan(ports: practice.Ports) -> Plan:
    entry = {"flow": "praxis", "destination": "empfang"}
    return practice.plan(ports, numbers={f"+4935112340{n:03}": entry for n in range(len(CASES))})


@pytest.fixture(scope="module")
def street(classic: Asterisk, ports: practice.Ports) -> Iterator[tuple[practice.Ports, Plan, Asterisk]]:
    """Our Asterisk with a number for each golden call, beside the same PBX."""
    assert classic.daemon.process.poll() is None
    own = practice.Ports(pbx=ports.pbx, provider=ports.provider)
    plan = street_plan(own)
    asterisk = practice.switch(plan, grace=15)
    yield own, plan, asterisk
    asterisk.stop()


@pytest.mark.parametrize("became", ["", *STATUS])
async def test_every_golden_call_goes_over_asterisk_as_it_is_written(
    became: str,
    street: tuple[practice.Ports, Plan, Asterisk],
    reception: Phone,
    patient: Phone,
    tmp_path: Path,
) -> None:
    """Golden calls whose transfer ends alike are made eight at a time."""
    ports, plan, asterisk = street
    coder, at_once = Coder(), asyncio.Semaphore(8)
    houses = []
    for number, (path, case) in zip(plan.numbers, CASES, strict=True):
        if answer(case) == became:
            folder = tmp_path / path.stem
            folder.mkdir()
            houses.append(House(number, case, open_store(folder), coder, reception))
    reception.behaves = lambda _talk: STATUS.get(became, 200)
    async with line_up(practice.access(ports), desk(asterisk, plan, Street(houses), coder, {})) as line:
        await asyncio.gather(*(tell(house, patient, ports.sip, at_once) for house in houses))
        async with asyncio.timeout(10):
            await line.drained()
    for house in houses:
        assert (house.case.call, left_behind(house.store)) == (house.case.call, expected(house.case))
        house.store.close()
