"""The loop around the engine: load, step, answer questions, commit, then act.

Whatever line a call comes by, its happenings arrive here, one after another. What the engine wants kept is on
disk before the line hears what to do next.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import structlog
from sqlmodel import col, select

from callflow import engine
from callflow.codec import EVENTS
from callflow.directory import Recognition
from callflow.effects import Ask, Clip, Effect, LineEffect, OpenCard, Spoken
from callflow.events import CallStarted, Event, HungUp
from callflow.flow import Flow, State
from callflow.handlers import Handlers
from callflow.journal import Book
from callflow.masking import masked, masked_answer
from callflow.quality import UNKNOWN, SoundQuality
from callflow.store import Call, Store, Tx, sealer_of
from callflow.store.standing import OvertakenError, Standing, begin, heard, move, standing

_log = structlog.get_logger("session")
REMEMBERED = 2000  # running calls that need not be read from the database
_QUESTIONS = 100  # more questions in one step than any flow has


@dataclass(frozen=True, slots=True)
class Reaction:
    """What the line is to do now.

    Args:
        turn: the turn that `effect` belongs to; the line names it with the event that answers it.
        effect: with its speech as clips; None when there is nothing to do (late event, call over).
    """

    turn: int = 0
    effect: LineEffect | None = None


class Flows(Protocol):
    """The flows of the practice numbers."""

    def of_number(self, dialled: str) -> Flow:
        """Return the flow for calls to this E.164 number (or raw number); every number has one."""

    def of_version(self, name: str, version: str) -> Flow:
        """Return the flow a call began on; if that version is gone, the present flow of that name."""


class Speaker(Protocol):
    """Turns prompts into clips; never raises into a call."""

    async def clips(self, spoken: Sequence[Spoken]) -> tuple[Clip, ...]:
        """Render what is not in the cache yet."""


@dataclass(frozen=True, slots=True)
class EndedAlone:
    """A call that its line ended without us.

    Args:
        call: its id; we may know the beginning of it.
        started: how it began, numbers as the line has them.
        human: a human took it, so no card is left behind.
        recording: a voice message left in it, "" for none.
        sound: how good its sound was.
    """

    call: str
    started: CallStarted
    human: bool
    recording: str = ""
    sound: SoundQuality = UNKNOWN


@dataclass(frozen=True, slots=True)
class _Decision:
    turn: int = 0
    effect: LineEffect | None = None
    standing: Standing | None = None


@dataclass(slots=True)
class Sessions:
    """All calls of this house.

    Args:
        store: the database.
        flows: which flow a number has.
        speaker: renders speech.
        handlers: keep what the engine wants kept.
        recognition: makes numbers regular and recognises callers.
        clock: gives the aware present time.
    """

    store: Store
    flows: Flows
    speaker: Speaker
    handlers: Handlers
    recognition: Recognition
    clock: Callable[[], datetime]
    _turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _known: OrderedDict[str, Standing] = field(default_factory=OrderedDict)

    async def happened(self, call: str, turn: int, event: Event) -> Reaction:
        """Take what happened to a call and return what its line is to do.

        Args:
            call: the line's id of the call, unique for ever.
            turn: turn of the line effect that the event answers, 0 for `CallStarted`.
            event: numbers in it as the line has them.

        Events that answer an older turn are ignored; an event told twice gets the same reaction twice. When
        this raises, nothing was kept and the line must act alone.
        """
        async with self._turns[call]:
            decision = await self._decided(call, turn, event)
            self._remember(call, decision.standing)
        if isinstance(event, HungUp):
            self._turns.pop(call, None)
        return await self._spoken(decision)

    async def standing(self, call: str) -> Reaction | None:
        """Return what the line of a call was told last; None for a call we do not know.

        Its effect is None once the line has told that the call is over.
        """
        known = self._known.get(call) or await self.store.read(lambda tx: standing(tx, call))
        return None if known is None else await self._spoken(_last(known))

    async def lost(self, line: str, holding: Collection[str]) -> list[str]:
        """End every open call of a line that the line no longer holds; returns their ids."""
        gone = await self.store.read(lambda tx: _open_calls(tx, line, holding))
        for call, turn in gone:
            await self.happened(call, turn, HungUp("error"))
        return [call for call, _ in gone]

    async def ended_alone(self, ended: EndedAlone) -> None:
        """Close the books of a call that was read back from the spool; once closed, only its sound is added.

        The line passes a call on before it is over, and its books may be closed by then: how it sounded is
        known when everybody has hung up.
        """

        def close(tx: Tx) -> None:
            self._close_alone(tx, ended)
            if ended.sound.known:
                heard(tx, ended.call, ended.sound)

        await self.store.write(close)
        self._known.pop(ended.call, None)

    async def _decided(self, call: str, turn: int, event: Event) -> _Decision:
        now = self.clock()
        known = self._known.get(call)
        try:
            return await self.store.write(lambda tx: self._decide(tx, known, call, turn, event, now))
        except OvertakenError:
            return await self.store.write(lambda tx: self._decide(tx, None, call, turn, event, now))

    def _remember(self, call: str, now: Standing | None) -> None:
        """Keep at hand how a running call stands; it was committed, and the next write makes sure of it."""
        if now is None or now.ended_at is not None:
            self._known.pop(call, None)
            return
        self._known[call] = now
        self._known.move_to_end(call)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _spoken(self, decision: _Decision) -> Reaction:
        if decision.effect is None:
            return Reaction(decision.turn)
        clips = await self.speaker.clips(decision.effect.spoken)
        return Reaction(decision.turn, replace(decision.effect, spoken=clips))

    def _decide(  # noqa: PLR0913, PLR0917  an event, where it came from, and what we think we know
        self, tx: Tx, known: Standing | None, call_id: str, turn: int, event: Event, now: datetime
    ) -> _Decision:
        if isinstance(event, HungUp) and event.sound is not None:
            heard(tx, call_id, event.sound)
        answered = _fingerprint(tx, turn, event)
        if known is not None and known.answered != answered and _fits(known, turn, event):
            return self._go_on(tx, known, event, answered, now)
        call = standing(tx, call_id)
        if call is None:
            return self._start(tx, call_id, event, answered, now)
        if call.answered == answered:
            _log.info("repeated event", call=call_id, turn=turn, kind=event.kind)
            return _last(call)
        if call.ended_at is not None and isinstance(event, HungUp):
            move(tx, call, replace(call, answered=answered, reaction=None))
            return _Decision(call.turn)
        if not _fits(call, turn, event):
            _log.info("late event", call=call_id, turn=turn, kind=event.kind)
            return _Decision(call.turn, standing=call)
        return self._go_on(tx, call, event, answered, now)

    def _start(self, tx: Tx, call_id: str, event: Event, answered: str, now: datetime) -> _Decision:
        if not isinstance(event, CallStarted):
            _log.warning("event of an unknown call", call=call_id, kind=event.kind)
            return _Decision()
        event = self._recognised(tx, event)
        flow = self.flows.of_number(event.dialled)
        begun = _begun(tx, call_id, event, flow)
        return self._go_on(tx, begun, event, answered, now)

    def _go_on(self, tx: Tx, call: Standing, event: Event, answered: str, now: datetime) -> _Decision:
        flow = self.flows.of_version(call.flow, call.version)
        book, state = Book(call), call.state or engine.begin(flow, call.id)
        book.event(masked(event), now=now)
        for _ in range(_QUESTIONS):
            state, effects = engine.step(flow, state, event)
            ask, line_effect = self._keep(tx, book, state, effects, now)
            if ask is None:
                break
            event = self.handlers.answer(tx, state, ask, now=now)
            book.event(masked_answer(ask.about, event), now=now)
        else:
            raise RuntimeError(f"flow {flow.name} never stops asking")
        after = book.close(tx, state, line_effect, answered)
        return _Decision(after.turn, line_effect, after)

    def _keep(
        self, tx: Tx, book: Book, state: State, effects: Sequence[Effect], now: datetime
    ) -> tuple[Ask | None, LineEffect | None]:
        """Write the record effects; return the question or the line effect that ends the step."""
        for effect in effects:
            if isinstance(effect, Ask):
                return effect, None
            if isinstance(effect, LineEffect):
                return None, effect
            self.handlers.record(tx, book, state, effect, now=now)
        return None, None

    def _recognised(self, tx: Tx, event: CallStarted) -> CallStarted:
        dialled = self.recognition.normal(event.dialled, event.line) or event.dialled
        return replace(event, dialled=dialled, caller=self.recognition.caller(tx, event))

    def _close_alone(self, tx: Tx, ended: EndedAlone) -> None:
        call = standing(tx, ended.call)
        if call is not None and call.ended_at is not None:
            return
        call = call or self._begun_alone(tx, ended)
        state = call.state or engine.begin(self.flows.of_version(call.flow, call.version), call.id)
        at = ended.started.at  # deadlines count from the call, not from when we heard of it
        if ended.human:
            state = replace(state, left="human")
        elif ended.recording:
            card = OpenCard("voice", state.concern, state.urgency, state.caller.number, ended.recording)
            self.handlers.record(tx, Book(call), state, card, now=at)
            state = replace(state, left="card")
        self._go_on(tx, replace(call, state=state), HungUp("error"), call.answered, at)

    def _begun_alone(self, tx: Tx, ended: EndedAlone) -> Standing:
        started = self._recognised(tx, ended.started)
        flow = self.flows.of_number(started.dialled)
        call, book = (begun := _begun(tx, ended.call, started, flow)), Book(begun)
        book.event(masked(started), now=started.at)
        state = replace(engine.begin(flow, ended.call), caller=started.caller, dialled=started.dialled)
        return book.close(tx, state, None, call.answered)


def _begun(tx: Tx, call_id: str, event: CallStarted, flow: Flow) -> Standing:
    begun = Standing(call_id, flow.name, flow.version)
    begin(
        tx,
        begun,
        line=event.line,
        dialled=event.dialled,
        number=event.caller.number,
        number_kind=event.caller.kind,
        at=event.at,
    )
    return begun


def _fits(call: Standing, turn: int, event: Event) -> bool:
    """Tell whether an event answers what a running call was told last; hanging up always does."""
    return call.ended_at is None and (turn == call.turn or isinstance(event, HungUp))


def _last(call: Standing) -> _Decision:
    return _Decision(call.turn, call.reaction, call)


def _fingerprint(tx: Tx, turn: int, event: Event) -> str:
    return sealer_of(tx).blind(f"{turn}|{EVENTS.dump_json(event).decode()}")


def _open_calls(tx: Tx, line: str, holding: Collection[str]) -> list[tuple[str, int]]:
    open_calls = tx.exec(select(Call).where(Call.line == line, col(Call.ended_at).is_(None))).all()
    return [(call.id, call.turn) for call in open_calls if call.id not in holding]
