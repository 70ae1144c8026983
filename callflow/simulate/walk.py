"""One simulated call: the stage of golden calls, driven by a script or by a person at the keyboard."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from callflow.effects import LineEffect, Play, Prompt, Transfer
from callflow.events import (
    DigitsPressed,
    Event,
    HungUp,
    PromptFinished,
    Recorded,
    TimedOut,
    TransferAnswered,
    TransferFailed,
)
from callflow.flow import Flow
from callflow.golden import HANGUP, WAIT, Card, Case, Expected, Link, Scene, Stage, short
from callflow.hours import Calendar
from callflow.simulate.script import Deed, Press, Quit, Ring, Talk, Wait, default, fits

LONGEST = 300
"""Line effects of one simulated call; a caller who never hangs up is ended here."""

Keyboard = Callable[[LineEffect], Deed]


@dataclass(frozen=True, slots=True)
class Beat:
    """What one event brought about.

    Args:
        passed: nodes that were left, each with the exit.
        links: SMS that would be sent.
        cards: cards that would be opened.
        heard: what the caller hears now.
        effect: what the line does now, None when the call is over.
        node: where the call is.
    """

    passed: tuple[tuple[str, str], ...]
    links: tuple[Link, ...]
    cards: tuple[Card, ...]
    heard: tuple[Prompt, ...]
    effect: LineEffect | None
    node: str


class Audience(Protocol):
    """Who watches a simulated call."""

    def beat(self, beat: Beat) -> None:
        """See what happened."""

    def deed(self, done: Deed) -> None:
        """See what the caller or the far end does."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Who calls when, and how busy the practice is.

    Args:
        at: local time of the call.
        number: as the caller would write it, or "withheld".
        known: the directory knows them; likewise `urgent`, `repeat`, `speaks`.
        queue: answers to questions about the queue, in order.
        request: answers to questions about open requests, in order.
    """

    at: datetime
    number: str = "0171 2345678"
    known: bool = False
    urgent: bool = False
    repeat: int = 0
    speaks: str = ""
    queue: tuple[Mapping[str, str], ...] = ()
    request: tuple[Mapping[str, str], ...] = ()

    def case(self, name: str, story: Sequence[Scene], expects: Expected) -> Case:
        """Return a golden call in this setting."""
        return Case.model_validate(
            {
                "call": name,
                "flow": name,
                "at": self.at,
                "from": self.number,
                "known": self.known,
                "urgent": self.urgent,
                "repeat": self.repeat,
                "speaks": self.speaks,
                "story": story,
                "expects": expects,
            }
        )


@dataclass(slots=True)
class Walk:
    """A simulated call.

    Args:
        flow: what it goes through.
        calendars: opening hours by name.
        setting: who calls when.
        audience: who watches.
        script: what caller and far end do, in order.
        keyboard: asked when the script is over; without it the caller stays silent.
    """

    flow: Flow
    calendars: Mapping[str, Calendar]
    setting: Setting
    audience: Audience
    script: Iterable[Deed] = ()
    keyboard: Keyboard | None = None
    _stage: Stage = field(init=False)
    _pending: deque[Deed] = field(init=False)
    _story: list[Scene] = field(init=False, default_factory=list)
    _hears: list[str] = field(init=False, default_factory=list)
    _told: tuple[int, int, int] = field(init=False, default=(0, 0, 0))

    def __post_init__(self) -> None:
        """Set the stage."""
        blank = self.setting.case(self.flow.name, (), Expected(outcome="missed"))
        self._stage = Stage(self.flow, self.calendars, blank)
        self._stage.answers["queue"] = [dict(answer) for answer in self.setting.queue]
        self._stage.answers["request"] = [dict(answer) for answer in self.setting.request]
        self._pending = deque(self.script)

    def run(self) -> Case:
        """Go through the call and return it as a golden call."""
        self._tell(self._stage.case.started())
        for _ in range(LONGEST):
            effect = self._stage.effect
            if effect is None or self._stage.state.ended:
                return self._written()
            self._tell(self._next(effect))
        self._act(Quit())
        self._tell(HungUp())
        return self._written()

    def _next(self, effect: LineEffect) -> Event:
        """Return the next event: the announcement's end, or what somebody does."""
        if isinstance(effect, Play):
            if self._pending and fits(self._pending[0], effect):
                return self._act(self._pending.popleft())
            return PromptFinished()
        return self._act(self._chosen(effect))

    def _chosen(self, effect: LineEffect) -> Deed:
        if self._pending:
            scripted = fits(self._pending[0], effect)
            return self._pending.popleft() if scripted else default(effect)
        return self.keyboard(effect) if self.keyboard else default(effect)

    def _act(self, done: Deed) -> Event:
        """Write a deed down, show it and return it as an event."""
        self.audience.deed(done)
        effect = self._stage.effect
        if isinstance(effect, Transfer):
            self._scene(Scene(connects=effect.destination))
        scene, event = _enacted(done)
        self._scene(scene)
        return event

    def _tell(self, event: Event) -> None:
        self._stage.tell(event)
        stage, (passed, links, cards) = self._stage, self._told
        heard = (
            tuple(part for part in stage.effect.spoken if isinstance(part, Prompt)) if stage.effect else ()
        )
        self._hears += [short(prompt) for prompt in heard]
        self.audience.beat(
            Beat(
                tuple(stage.result.passed[passed:]),
                tuple(stage.links[links:]),
                tuple(stage.cards[cards:]),
                heard,
                stage.effect,
                stage.state.node,
            )
        )
        self._told = (len(stage.result.passed), len(stage.links), len(stage.cards))

    def _scene(self, scene: Scene) -> None:
        if self._hears:
            self._story.append(Scene(hears=tuple(self._hears)))
            self._hears = []
        self._story.append(scene)

    def _written(self) -> Case:
        if self._hears:
            self._story.append(Scene(hears=tuple(self._hears)))
        answers = [Scene(queue=dict(answer)) for answer in self.setting.queue]
        answers += [Scene(request=dict(answer)) for answer in self.setting.request]
        expects = Expected.model_validate(
            {
                "outcome": self._stage.outcome,
                "sms": tuple(self._stage.links),
                "cards": tuple(self._stage.cards),
            }
        )
        return self.setting.case(self.flow.name, (*answers, *self._story), expects)


def _enacted(done: Deed) -> tuple[Scene, Event]:
    """Return a deed as a scene of a golden call and as an event."""
    match done:
        case Press(keys):
            return Scene(presses=keys), DigitsPressed(keys)
        case Wait():
            return Scene(does=WAIT), TimedOut()
        case Quit():
            return Scene(does=HANGUP), HungUp()
        case Talk(seconds):
            return Scene(speaks=seconds), Recorded("simulated" if seconds else "", seconds * 1000)
        case Ring(answer):
            event = TransferAnswered() if answer == "answered" else TransferFailed(answer)
            return Scene(answer=answer), event
