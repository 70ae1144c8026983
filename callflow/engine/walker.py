"""Walking every way through a flow, and telling which ways no golden call has gone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import get_args

from callflow.effects import Ask, Effect, Gather, HangUp, LogStep, Play, Record, Transfer
from callflow.engine.step import begin, step
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
    TransferProblem,
)
from callflow.flow import Flow, State
from callflow.kinds.base import KEYS

Passed = tuple[str, str]

CALLERS = (
    Caller("+491712345678", "mobile"),
    Caller("+493512345678", "landline", known=True, repeat=3),
    Caller("+436641234567", "foreign"),
    Caller("", "withheld"),
    Caller("+491712345679", "mobile", urgent=True),
    Caller("+491712345670", "mobile", language="en"),
)
"""One caller of every sort that a flow can tell apart."""

TYPED = ("01712345678", "03512345678", "112", "01051950", "123456")
"""What callers type: a mobile, a landline, what nobody may call, a date, some digits."""

ANSWERS = {
    "hours": ("open", "closed", "lunch", "holiday", "closure"),
    "queue": ("free", "busy", "closed"),
    "request": ("none", "open", "done"),
}

_NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that the walker took."""

    before: State
    event: Event
    after: State
    effects: tuple[Effect, ...]


def walk(flow: Flow, most: int = 20_000) -> Iterator[Taken]:
    """Take every sort of step in every state that a call of this flow can come to, at most `most` steps.

    Steps are given in the order of their distance from the ring, each state once.
    """
    waiting: deque[tuple[State, tuple[Effect, ...]]] = deque()
    seen: set[State] = set()
    taken = 0
    for caller in CALLERS:
        for found in _steps(flow, begin(flow, "walk"), (CallStarted("", caller, _NOON),)):
            yield found
            waiting.append((found.after, found.effects))
    while waiting and taken < most:
        state, effects = waiting.popleft()
        for found in _steps(flow, state, events_after(flow, effects)):
            taken += 1
            yield found
            known = replace(found.after, turn=0)
            if not known.ended and known not in seen:
                seen.add(known)
                waiting.append((found.after, found.effects))


def _steps(flow: Flow, state: State, events: Iterable[Event]) -> Iterator[Taken]:
    for event in events:
        after, effects = step(flow, state, event)
        yield Taken(state, event, after, effects)


def events_after(flow: Flow, effects: tuple[Effect, ...]) -> tuple[Event, ...]:
    """List the sorts of events that can answer a step."""
    if not effects:
        return ()
    keys = tuple(DigitsPressed(key) for key in _keys(flow))
    last = effects[-1]
    match last:
        case Play():
            answers: tuple[Event, ...] = (PromptFinished(), *keys)
        case Gather():
            typed = tuple(DigitsPressed(digits) for digits in TYPED) if last.digits > 1 else ()
            answers = (TimedOut(), *keys, *typed)
        case Record():
            answers = (Recorded("sound", 5000), Recorded("", 0))
        case Transfer():
            answers = (TransferAnswered(), *map(TransferFailed, get_args(TransferProblem)))
        case Ask():
            answers = tuple(Told(answer) for answer in ANSWERS.get(last.about, ("",)))
        case HangUp() | _:
            answers = ()
    return (*answers, HungUp())


def _keys(flow: Flow) -> list[str]:
    """List the keys that mean something somewhere in the flow, and # as one that means nothing."""
    used = {exit_ for exits in flow.links.values() for exit_ in exits if exit_ in KEYS}
    return sorted({*"12#", *used, *flow.everywhere})


def passes(effects: Iterable[Effect]) -> set[Passed]:
    """List the nodes that a step left, with their exits."""
    return {(effect.node, effect.exit) for effect in effects if isinstance(effect, LogStep)}


@dataclass(frozen=True, slots=True)
class Coverage:
    """What golden calls have gone through.

    Args:
        ways: every (node, exit) of the flow; ("", "key 9") and ("", "hung_up") stand for any node.
        missed: those that no golden call took.
    """

    ways: frozenset[Passed]
    missed: frozenset[Passed]

    @property
    def nodes_missed(self) -> tuple[str, ...]:
        """Nodes that no golden call visited."""
        visited = {node for node, _ in self.ways - self.missed}
        return tuple(sorted({node for node, _ in self.missed} - visited))


def coverage(flow: Flow, passed: Iterable[Passed]) -> Coverage:
    """Compare golden calls with every exit of every node.

    Args:
        flow: the flow.
        passed: (node, exit) of all golden calls.
    """
    ways = {(node, exit_) for node, exits in flow.links.items() for exit_ in exits}
    ways |= {(name, exit_) for name, node in flow.nodes.items() for exit_ in node.ends}
    ways |= {("", f"key {key}") for key in flow.everywhere} | {("", "hung_up")}
    return Coverage(frozenset(ways), frozenset(ways - {plain(way) for way in passed}))


def plain(way: Passed) -> Passed:
    """Keys everywhere and hanging up are possible at nearly every node: one golden call each is enough."""
    node, exit_ = way
    return ("", exit_) if exit_ == "hung_up" or exit_.startswith("key ") else (node, exit_)
