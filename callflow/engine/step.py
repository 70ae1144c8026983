"""One step of a call.

Nothing here knows the time, chance or the network. A step runs through nodes until one of them waits for
the caller, the far end or an answer from the world. An event that does not fit what is awaited counts as
silence, so a call can neither hang nor fail here.
"""

from __future__ import annotations

from callflow.effects import Effect, HangUp, LogStep
from callflow.events import CallStarted, DigitsPressed, Event, HungUp, TimedOut
from callflow.flow import Flow, Leave, Move, State, changed
from callflow.kinds.base import APOLOGY, ending, say

HOPS = 200
"""Nodes one step may pass; the checker refuses flows with endless loops, this bounds what it never saw."""

RETURN = "return"
_TYPED = (DigitsPressed, TimedOut)


def begin(flow: Flow, call: str) -> State:
    """Make the state of a new call; its first step takes `CallStarted`."""
    return State(call=call, flow=flow.version, language=flow.language, variables=flow.variables)


def step(flow: Flow, state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Take one event; pure, never raises.

    Returns:
        The new state, and record effects followed by exactly one line effect or one `Ask`. There is no
        line effect after `HungUp`, once the call has ended, or for a `CallStarted` told twice.
    """
    if state.ended:
        return state, ()
    if isinstance(event, HungUp):
        return _hung_up(state)
    if isinstance(event, CallStarted):
        return (state, ()) if state.node else _start(flow, state, event)
    node = flow.nodes.get(state.node)
    if node is None:
        return _escape(changed(state, turn=state.turn + 1), ())
    state = changed(state, turn=state.turn + 1)
    target = _everywhere(flow, state, event)
    if target and not node.owns(state, _digits(event)):
        log = LogStep(state.node, f"key {_digits(event)}")
        return _run(flow, changed(state, stack=(), typed=""), target, (log,))
    return _settle(flow, node.resume(flow, state, event))


def _digits(event: Event) -> str:
    return event.digits if isinstance(event, _TYPED) else ""


def _everywhere(flow: Flow, state: State, event: Event) -> str:
    target = flow.everywhere.get(_digits(event), "")
    # pressed at its own target the key would only start that node anew
    return "" if target == state.node else target


def _start(flow: Flow, state: State, event: CallStarted) -> tuple[State, tuple[Effect, ...]]:
    known = changed(
        state,
        turn=state.turn + 1,
        caller=event.caller,
        dialled=event.dialled,
        urgency="urgent" if event.caller.urgent else state.urgency,
    )
    return _run(flow, known, flow.start, ())


def _hung_up(state: State) -> tuple[State, tuple[Effect, ...]]:
    over, records = ending(state)
    return over, (LogStep(state.node, "hung_up"), *records)


def _run(flow: Flow, state: State, name: str, done: tuple[Effect, ...]) -> tuple[State, tuple[Effect, ...]]:
    for _ in range(HOPS):
        node = flow.nodes.get(name)
        if node is None:
            return _escape(state, done)
        move = node.enter(flow, changed(state, node=name, phase="", scratch="", tries=0))
        if not isinstance(move, Leave):
            return move.state, (*done, *move.effects)
        state, name, logs = _target(flow, move)
        done = (*done, *move.effects, *logs)
    return _escape(state, done)


def _settle(flow: Flow, move: Move) -> tuple[State, tuple[Effect, ...]]:
    if not isinstance(move, Leave):
        return move.state, move.effects
    state, name, logs = _target(flow, move)
    return _run(flow, state, name, (*move.effects, *logs))


def _target(flow: Flow, move: Leave) -> tuple[State, str, tuple[Effect, ...]]:
    """Find where an exit leads, back through subflows if need be, and what to write down."""
    state, name = move.state, flow.links.get(move.state.node, {}).get(move.exit, "")
    logs: tuple[Effect, ...] = (LogStep(state.node, move.exit),)
    while name.startswith(RETURN) and state.stack:
        subflow, exit_ = state.stack[-1], name.removeprefix(RETURN).removeprefix(".") or "then"
        state = changed(state, stack=state.stack[:-1])
        name = flow.links.get(subflow, {}).get(exit_, "")
        logs = (*logs, LogStep(subflow, exit_))
    return state, name, logs


def _escape(state: State, done: tuple[Effect, ...]) -> tuple[State, tuple[Effect, ...]]:
    over, records = ending(state)
    return over, (*done, *records, HangUp((say(state, APOLOGY),)))
