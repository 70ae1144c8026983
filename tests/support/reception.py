"""A reception without telephones: real sessions, engine, example flow and database; silent speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

from callflow.directory import Recognition
from callflow.effects import Clip, Gather, HangUp, LineEffect, Play, Prompt, Record, Spoken, Transfer
from callflow.events import (
    Caller,
    CallStarted,
    DigitsPressed,
    Event,
    HungUp,
    PromptFinished,
    Recorded,
    TimedOut,
    TransferFailed,
)
from callflow.flow import Flow
from callflow.handlers import Handlers, LinkRules
from callflow.hours import told
from callflow.language import FolderPrompts, Surroundings, look
from callflow.language.calendars import load_calendars
from callflow.outbox.caps import Caps
from callflow.session import Reaction, Sessions
from callflow.store import Store
from tests.support.stores import Clock

ROOT = Path(__file__).parents[2]
DIALLED = "+4935112345600"
MOBILE, LANDLINE = "+491711234567", "+493512345678"
CONCERNS = ("rezept", "ueberweisung", "termin", "befund", "au", "frage", "dringend", "sonstiges")
_ids = count(1)


@cache
def example_flow(name: str = "praxis") -> Flow:
    """Compile a flow of the example practice."""
    around = Surroundings(
        prompts=FolderPrompts(ROOT / "ivr_prompts"),
        destinations=("empfang",),
        concerns=CONCERNS,
        calendars=load_calendars(ROOT / "config" / "hours.yaml").keys(),
        languages=("de",),
    )
    flow, problems = look(ROOT / "config" / "flows" / f"{name}.yaml", around)
    assert flow is not None, problems
    return flow


@dataclass(frozen=True)
class OneFlow:
    """Every number has the same flow."""

    flow: Flow

    def of_number(self, dialled: str) -> Flow:
        del dialled
        return self.flow

    def of_version(self, name: str, version: str) -> Flow:
        del name, version
        return self.flow


class Silence:
    """Speech whose clips are named like their prompts."""

    async def clips(self, spoken: Sequence[Spoken]) -> tuple[Clip, ...]:
        return tuple(Clip(each.name or "text") for each in spoken if isinstance(each, Prompt))


def handlers(caps: Caps | None = None) -> Handlers:
    """Return handlers that ask the example practice's calendar."""
    calendar = load_calendars(ROOT / "config" / "hours.yaml")["praxis"]
    rules = LinkRules("https://praxis.example", "Praxis am Lindenplatz")
    return Handlers(
        rules,
        caps=caps or Caps(per_number_a_day=1000),
        answers={"hours": lambda _tx, state, _subject, now: told(calendar, now, state.language)},
    )


def sessions(store: Store, clock: Clock, caps: Caps | None = None) -> Sessions:
    """Return the sessions of the example practice."""
    return Sessions(store, OneFlow(example_flow()), Silence(), handlers(caps), Recognition(), clock)


@dataclass
class Telephone:
    """A caller who presses keys and hears everything else to its end."""

    sessions: Sessions
    number: str = MOBILE
    call: str = field(default_factory=lambda: f"call-{next(_ids)}")
    reaction: Reaction = field(default_factory=Reaction)
    heard: list[str] = field(default_factory=list)

    @property
    def effect(self) -> LineEffect | None:
        return self.reaction.effect

    async def dial(self) -> Telephone:
        """Begin the call."""
        now = self.sessions.clock()
        return await self.tell(CallStarted(DIALLED, Caller(self.number), now, "sip"))

    async def tell(self, event: Event) -> Telephone:
        """Tell one event that answers the present effect."""
        self.reaction = await self.sessions.happened(self.call, self.reaction.turn, event)
        if self.effect is not None:
            self.heard += [clip.key for clip in self.effect.spoken if isinstance(clip, Clip)]
        return self

    async def press(self, *keys: str) -> Telephone:
        """Hear to the next question and answer it, key by key."""
        for digits in keys:
            await self.listen()
            await self.tell(DigitsPressed(digits))
        return await self.listen()

    async def listen(self) -> Telephone:
        """Hear announcements to their end."""
        while isinstance(self.effect, Play):
            await self.tell(PromptFinished())
        return self

    async def finish(self, by: str = "caller") -> Telephone:
        """Hang up, whoever is at it."""
        await self.tell(HungUp("us" if isinstance(self.effect, HangUp) else by))  # type: ignore[arg-type]
        return self

    async def silent_to_the_end(self) -> Telephone:
        """Say and press nothing any more until the reception hangs up."""
        while self.effect is not None:
            await self.tell(_silence(self.effect))
        return self


def _silence(effect: LineEffect) -> Event:
    match effect:
        case Play():
            return PromptFinished()
        case Gather():
            return TimedOut()
        case Record():
            return Recorded("", 0)
        case Transfer():
            return TransferFailed("no_answer")
        case HangUp():
            return HungUp("us")


__all__ = ["DIALLED", "LANDLINE", "MOBILE", "Silence", "Telephone", "example_flow", "handlers", "sessions"]
