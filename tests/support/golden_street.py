"""Golden calls over real SIP: a practice for each, and a caller who plays its scenes on a telephone."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

from callflow import numbers
from callflow.events import CallStarted, Event
from callflow.golden import ZONE, Case, Scene, read_case
from callflow.session import EndedAlone, Reaction
from callflow.store import Store
from tests.support.asterisk_house import FRAMES, Coder, Hasty, sessions
from tests.support.flows import golden_calls
from tests.support.simple_phone import Phone, Talk

CASES = [(path, read_case(path)) for path in golden_calls("praxis")]
STATUS = {"answered": 200, "busy": 486, "no_answer": 180, "refused": 603, "failed": 500}
LINE = "127.0.0.1"


def answer(case: Case) -> str:
    return next((scene.answer for scene in case.story if scene.answer), "")


@dataclass
class House:
    """One golden call's own practice: number, database and clock; `key_ms` is how long it waits for a key."""

    number: str
    case: Case
    store: Store
    coder: Coder
    reception: Phone
    key_ms: int = 2500
    sessions: Hasty = field(init=False)

    def __post_init__(self) -> None:
        real = sessions(self.store, self.coder, self.case.at.replace(tzinfo=ZONE))
        self.sessions = Hasty(real, self.key_ms, self.key_ms)


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

    def __init__(self, talk: Talk, coder: Coder, case: Case, patience_s: float) -> None:
        self._talk = talk
        self._patience_s = patience_s
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
        await self._talk.until(
            lambda: len(self._heard()) >= len(self._expected) or self._talk.ended.is_set(), self._patience_s
        )
        heard = [self._coder.name(code) for code in self._heard()[: len(self._expected)]]
        assert (self._case.call, heard) == (self._case.call, [self._coder.name(c) for c in self._expected])

    def _heard(self) -> list[int]:
        # A key that Asterisk stretched makes a prompt pause: its frames are counted, not its parts.
        heard = []
        for code, frames in itertools.groupby(self._talk.frames):
            heard += [code] * max(1, round(len(list(frames)) / FRAMES))
        return heard


async def tell(house: House, patient: Phone, port: int, patience_s: float = 10) -> None:
    """Make a golden call from the patient's telephone to the line at `port` of this machine.

    Args:
        house: the call and its practice.
        patient: the caller's telephone.
        port: UDP port of the line.
        patience_s: longest wait for anything, on the loop's clock.
    """
    caller = numbers.e164(house.case.number) or "anonymous"
    talk = await patient.call(house.number, LINE, port, caller=caller)
    story = Story(talk, house.coder, house.case, patience_s)
    for scene in house.case.story:
        try:
            await story.play(scene)
        except AssertionError:
            talk.hang_up()
            raise
        if scene.answer == "answered":
            human = await house.reception.arrived.get()
            await human.until(lambda: len(human.sound.heard) > 5, patience_s)  # noqa: B023  # awaited before it changes
            talk.hang_up()
    async with asyncio.timeout(2 * patience_s):
        await talk.ended.wait()
