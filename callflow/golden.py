"""Golden calls: whole calls written as a practice manager would tell them, run through engine and calendar.

call: Rezept vom Handy
flow: praxis
at: "2026-11-23 09:00"
from: "0171 2345678"
story:
  - hears: [greeting, main_menu]
  - presses: "1"
  - hears: link_offer
  - presses: "1"
  - hears: [link_sent, goodbye]
expects:
  outcome: deflected
  sms: [{to: "0171 2345678", concern: rezept}]
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from callflow import numbers
from callflow.effects import (
    Ask,
    CardKind,
    Effect,
    EndCall,
    Gather,
    LineEffect,
    LogStep,
    OpenCard,
    Outcome,
    Play,
    Prompt,
    Record,
    SendLink,
    Transfer,
    Urgency,
)
from callflow.engine import begin, step
from callflow.events import (
    Caller,
    CallStarted,
    DigitsPressed,
    Event,
    HungUp,
    PromptFinished,
    Recorded,
    TimedOut,
    Told,
    TransferAnswered,
    TransferFailed,
)
from callflow.flow import Flow, State
from callflow.hours import Calendar, told
from callflow.kinds.base import Part
from callflow.language.problems import FlowErrors
from callflow.language.schema import complaints
from callflow.language.source import read

ZONE = ZoneInfo("Europe/Berlin")
_PLAIN = re.compile(r"[A-Za-zÄÖÜäöüß][A-Za-zÄÖÜäöüß0-9_/ ]*")
DOTS, FIRST_WORDS = "...", 5
HANGUP, WAIT = "hangs up", "waits"
MOST_ASKS = 50

Texts = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
]
Written = TypeVar("Written", bound=Part)
Answer = Literal["answered", "busy", "no_answer", "refused", "failed"]


class Scene(Part):
    """One thing that happens in a call; exactly one of its fields is given.

    Args:
        hears: names of prompts the caller hears one after another; inline texts by their first words
            and "...".
        presses: keys, without the finishing "#".
        does: "waits" lets the time run out, "hangs up" ends the call.
        speaks: seconds of a recorded message.
        connects: destination that the call is passed on to.
        answer: what becomes of that.
        queue: answer to the next question about the queue, with values, e.g. {answer: busy, position: "2"}.
        request: answer to the next question about open requests.
    """

    hears: Texts = ()
    presses: str = ""
    does: Literal["", "waits", "hangs up"] = ""
    speaks: int | None = None
    connects: str = ""
    answer: Answer | None = None
    queue: dict[str, str] | None = None
    request: dict[str, str] | None = None

    @model_validator(mode="after")
    def _one(self) -> Scene:
        if len(self.model_fields_set) != 1:
            raise ValueError("hears | presses | does | speaks | connects | answer | queue | request")
        return self


class Link(Part):
    """An SMS that must go out."""

    to: str
    concern: str
    language: str = "de"


class Card(Part):
    """A card that must be opened."""

    card: CardKind = "callback"
    concern: str = ""
    urgency: Urgency = "routine"
    number: str = ""


class Expected(Part):
    """What a call must leave behind: all of it, and nothing else."""

    outcome: Outcome
    sms: tuple[Link, ...] = ()
    cards: tuple[Card, ...] = ()


class Case(Part):
    """A golden call.

    Args:
        call: what it shows, one line.
        flow: name of the flow.
        at: local time of the call.
        number: who calls, as the caller would write it, or "withheld".
        known: the directory knows them; likewise `urgent`, `repeat`, `speaks`.
        story: what happens.
        expects: what it leaves.
    """

    call: str
    flow: str
    at: datetime
    number: str = Field(alias="from")
    known: bool = False
    urgent: bool = False
    repeat: int = 0
    speaks: str = ""
    story: tuple[Scene, ...]
    expects: Expected

    def started(self) -> CallStarted:
        """Give the call's first event."""
        number = numbers.e164(self.number)
        caller = Caller(number, numbers.kind(number), self.known, self.urgent, self.repeat, self.speaks)
        return CallStarted("", caller, self.at.replace(tzinfo=ZONE))


@dataclass(slots=True)
class Run:
    """How a golden call went.

    Args:
        faults: where it differs from what was written, () if nowhere.
        passed: (node, exit) that the call went through.
        states: every state the call was in, in order, for checks of whoever runs it.
        heard: every line effect, in order.
    """

    faults: list[str] = field(default_factory=list)
    passed: list[tuple[str, str]] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    heard: list[LineEffect] = field(default_factory=list)


def read_case(path: Path) -> Case:
    """Read a golden call.

    Raises:
        FlowErrors: it is not one; with file, line and column.
    """
    source = read(path)
    try:
        return Case.model_validate(source.data)
    except ValidationError as error:
        names = (info.alias or name for name, info in Case.model_fields.items())
        raise FlowErrors(complaints(source, (), error, names)) from None


def rehearse(flow: Flow, calendars: Mapping[str, Calendar], case: Case) -> Run:
    """Run a golden call and compare."""
    return Stage(flow, calendars, case).run()


class Stage:
    """A call under way: tell it events, see what its line does and what it leaves.

    Args:
        flow: compiled.
        calendars: name -> opening hours.
        case: the golden call.
    """

    def __init__(self, flow: Flow, calendars: Mapping[str, Calendar], case: Case) -> None:
        self.flow, self.calendars, self.case = flow, calendars, case
        self.state = begin(flow, "golden")
        self.result = Run()
        self.effect: LineEffect | None = None
        self.unheard: list[str] = []
        self.answers: dict[str, list[dict[str, str]]] = {"queue": [], "request": []}
        self.links: list[Link] = []
        self.cards: list[Card] = []
        self.outcome: str = ""

    def run(self) -> Run:
        """Play every scene and compare."""
        for scene in self.case.story:
            for about in self.answers:
                if (given := getattr(scene, about)) is not None:
                    self.answers[about].append(given)
        self.tell(self.case.started())
        for number, scene in enumerate(self.case.story, 1):
            fault = self._play(scene)
            if fault:
                self.result.faults.append(f"scene {number}: {fault}")
                return self.result
        self._compare()
        return self.result

    def tell(self, event: Event) -> None:
        """Step with an event and with the answers to all questions that the step asks."""
        for _ in range(MOST_ASKS):
            self.state, effects = step(self.flow, self.state, event)
            self.result.states.append(self.state)
            asked = self._note(effects)
            if asked is None:
                return
            event = self._answer(asked)

    def _note(self, effects: tuple[Effect, ...]) -> Ask | None:
        self.effect, self.unheard = None, []
        for effect in effects:
            match effect:
                case LogStep(node, exit_):
                    self.result.passed.append((node, exit_))
                case SendLink(concern, to, language):
                    self.links.append(Link(to=to, concern=concern, language=language))
                case OpenCard(card, concern, urgency, number):
                    self.cards.append(Card(card=card, concern=concern, urgency=urgency, number=number))
                case EndCall(outcome):
                    self.outcome = outcome
                case Ask():
                    return effect
                case _:
                    self.effect, self.unheard = effect, _names(effect)
                    self.result.heard.append(effect)
        return None

    def _answer(self, asked: Ask) -> Told:
        if asked.about == "hours":
            calendar = self.calendars[asked.subject]
            return told(calendar, self.case.at.replace(tzinfo=ZONE), self.state.language)
        waiting = self.answers[asked.about]
        given = dict(waiting.pop(0)) if waiting else {"answer": "free" if asked.about == "queue" else "none"}
        answer = given.pop("answer", "")
        return Told(answer, tuple((f"{asked.about}.{name}", value) for name, value in given.items()))

    def _play(self, scene: Scene) -> str:
        for name in scene.hears:
            if fault := self._hear(name):
                return fault
        if scene.presses:
            return self._event(DigitsPressed(scene.presses), (Gather, Play), "press a key")
        if scene.does == WAIT:
            return self._event(TimedOut(), (Gather,), "wait")
        if scene.does == HANGUP:
            self.tell(HungUp())
        if scene.speaks is not None:
            sound = "golden" if scene.speaks else ""
            return self._event(Recorded(sound, scene.speaks * 1000), (Record,), "speak")
        if scene.answer is not None:
            answered = scene.answer == "answered"
            event = TransferAnswered() if answered else TransferFailed(scene.answer)  # type: ignore[arg-type]
            return self._event(event, (Transfer,), "be connected")
        return self._connected(scene.connects) if scene.connects else ""

    def _hear(self, name: str) -> str:
        if not self.unheard and isinstance(self.effect, Play):
            self.tell(PromptFinished())
        heard = self.unheard.pop(0) if self.unheard else ""
        return "" if _same(name, heard) else f"hears {heard!r} instead of {name!r} (at {self.state.node})"

    def _event(self, event: Event, takes: tuple[type, ...], what: str) -> str:
        if not isinstance(self.effect, takes):
            return f"can't {what} at {self.state.node}: the line does {type(self.effect).__name__}"
        self.tell(event)
        return ""

    def _connected(self, destination: str) -> str:
        if not isinstance(self.effect, Transfer):
            return f"is not connected at {self.state.node}"
        found = self.effect.destination
        return "" if found == destination else f"is connected to {found!r} instead of {destination!r}"

    def _compare(self) -> None:
        faults = self.result.faults
        if self.unheard and not isinstance(self.effect, Play):
            faults.append(f"hears more than written: {self.unheard}")
        if not self.state.ended:
            faults.append(f"the call is not over: it is at {self.state.node}")
            return
        wanted = self.case.expects
        faults.extend(_differs("outcome", self.outcome, wanted.outcome))
        faults.extend(_differs("sms", self.links, [_dialled(link, "to") for link in wanted.sms]))
        faults.extend(_differs("cards", self.cards, [_dialled(card, "number") for card in wanted.cards]))


def _names(effect: LineEffect) -> list[str]:
    return [prompt.name or prompt.text for prompt in effect.spoken if isinstance(prompt, Prompt)]


def _same(written: str, heard: str) -> bool:
    """Compare what is heard with a name, a text, or the beginning of a text ("Guten Tag ...")."""
    start, dots, _ = written.partition(DOTS)
    return heard == written or (bool(dots) and heard.startswith(start.rstrip()))


def short(prompt: Prompt) -> str:
    """Name a prompt as golden calls do: by its file, an inline text by its first words."""
    words = prompt.text.split()
    return prompt.name or " ".join(words[:FIRST_WORDS]) + (f" {DOTS}" if len(words) > FIRST_WORDS else "")


def _differs(what: str, found: object, wanted: object) -> list[str]:
    return [] if found == wanted else [f"{what}: {found} instead of {wanted}"]


def _dialled(part: Written, name: str) -> Written:
    """Read a number as people write it."""
    return part.model_copy(update={name: numbers.e164(getattr(part, name)) or getattr(part, name)})


def written(case: Case) -> str:
    """Write a golden call as its file reads."""
    head = {"call": case.call, "flow": case.flow, "at": f"{case.at:%Y-%m-%d %H:%M}", "from": case.number}
    about = {
        name: value for name in ("known", "urgent", "repeat", "speaks") if (value := getattr(case, name))
    }
    story = [_line(scene) for scene in case.story]
    expects = case.expects.model_dump(mode="json", exclude_defaults=True)
    lines = [f"{name}: {_quoted(value)}" for name, value in {**head, **about}.items()]
    lines += ["story:", *(f"  - {line}" for line in story), "expects:"]
    lines += [f"  {name}: {_quoted(value)}" for name, value in expects.items()]
    return "\n".join(lines) + "\n"


def _line(scene: Scene) -> str:
    (name,) = scene.model_fields_set
    value = getattr(scene, name)
    if name == "hears" and len(value) == 1:
        value = value[0]
    return f"{name}: {_quoted(value)}"


def _quoted(value: object) -> str:
    """Write a value in YAML's flow style: plain words as they are, everything else as JSON quotes it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_quoted(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_quoted, value)) + "]"
    plain = isinstance(value, str) and _PLAIN.fullmatch(value)
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
