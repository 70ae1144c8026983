"""One step of a call.

Nothing here knows the time, chance or the network. A step runs through nodes until one of them waits for
the caller, the far end or an answer from the world. An event that does not fit what is awaited counts as
silence, so a call can neither hang nor fail here.
"""

from __future__ import annotations

from callflow.effects import Effect, HangUp, LogStep
from callflow.events import CallStarted, DigitsPressed, Event, HungUp, TimedOut
from callflow.flow import Flow, State, Way, changed, entered, numbered
from callflow.kinds.base import APOLOGY, ending, say

HOPS = 200
"""Nodes one step may pass; the checker refuses flows with endless loops, this bounds what it never saw."""

RETURN = "return"
_BLANK = State(call="", flow="")
_NOWHERE: Way = ("", ())
_EDGES = (HungUp, CallStarted)
_TYPED = (DigitsPressed, TimedOut)


def begin(flow: Flow, call: str) -> State:
    """Make the state of a new call; its first step takes `CallStarted`."""
    return changed(_BLANK, call=call, flow=flow.version, language=flow.language, variables=flow.variables)


def step(flow: Flow, state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Take one event; pure, never raises.

    Returns:
        The new state, and record effects followed by exactly one line effect or one `Ask`. There is no
        line effect after `HungUp`, once the call has ended, or for a `CallStarted` told twice.
    """
    if state.ended or isinstance(event, _EDGES):
        return _edge(flow, state, event)
    turn = state.turn + 1
    resume = flow.resumes.get(state.node)
    if resume is None:
        return _escape(changed(state, turn=turn), ())
    if isinstance(event, _TYPED) and event.digits in flow.everywhere and _away(flow, state, event.digits):
        log = LogStep(state.node, f"key {event.digits}")
        cleared = changed(state, stack=(), typed="")
        return _run(flow, cleared, flow.everywhere[event.digits], (log,), turn)
    exit_, after, effects = resume(flow, state, event)
    if not exit_:
        return numbered(after, state, turn), effects
    target, logs = flow.ways.get((after.node, exit_), _NOWHERE)
    return _run(flow, after, target, effects + logs, turn)


def _away(flow: Flow, state: State, digits: str) -> bool:
    """Tell whether a key that works everywhere leads away from here."""
    # pressed at its own target the key would only start that node anew
    here = flow.everywhere[digits] == state.node
    return not here and not flow.nodes[state.node].owns(state, digits)


def _edge(flow: Flow, state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Begin or end the call; whatever else comes here comes too late."""
    if not state.ended and isinstance(event, HungUp):
        return _hung_up(state)
    if not state.node and not state.ended and isinstance(event, CallStarted):
        return _start(flow, state, event)
    return state, ()


def _start(flow: Flow, state: State, event: CallStarted) -> tuple[State, tuple[Effect, ...]]:
    urgency = "urgent" if event.caller.urgent else state.urgency
    known = changed(state, caller=event.caller, dialled=event.dialled, urgency=urgency)
    return _run(flow, known, flow.start, (), state.turn + 1)


def _hung_up(state: State) -> tuple[State, tuple[Effect, ...]]:
    over, records = ending(state)
    return over, (LogStep(state.node, "hung_up"), *records)


def _run(
    flow: Flow, state: State, name: str, done: tuple[Effect, ...], turn: int
) -> tuple[State, tuple[Effect, ...]]:
    """Enter nodes, `name` first, until one of them waits."""
    for _ in range(HOPS):
        if state.stack and name.startswith(RETURN):
            state, name, logs = _back(flow, state, name)
            done = done + logs
        enter = flow.enters.get(name)
        if enter is None:
            break
        exit_, state, effects = enter(flow, entered(state, name, turn))
        if not exit_:
            return state, done + effects
        name, logs = flow.ways.get((state.node, exit_), _NOWHERE)
        done = done + effects + logs
    return _escape(changed(state, turn=turn), done)


def _back(flow: Flow, state: State, name: str) -> tuple[State, str, tuple[LogStep, ...]]:
    """Return out of a subflow, or of several at once, to where the node that called it goes on."""
    passed: tuple[LogStep, ...] = ()
    while state.stack and name.startswith(RETURN):
        subflow, exit_ = state.stack[-1], name.removeprefix(RETURN).removeprefix(".") or "then"
        state = changed(state, stack=state.stack[:-1])
        name, logs = flow.ways.get((subflow, exit_), _NOWHERE)
        passed += logs
    return state, name, passed


def _escape(state: State, done: tuple[Effect, ...]) -> tuple[State, tuple[Effect, ...]]:
    over, records = ending(state)
    return over, (*done, *records, HangUp((say(state, APOLOGY),)))
