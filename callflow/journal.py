"""The journal of calls: masked events, in order, enough to replay a call."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, select

from callflow.codec import EVENTS
from callflow.events import Event
from callflow.store import Call, CallEvent, CallStep, Tx


def note_event(tx: Tx, call: Call, event: Event, *, now: datetime) -> None:
    """Add an event to the call's journal; it must hold no personal datum (`callflow.masking`)."""
    call.events += 1
    entry = EVENTS.dump_json(event).decode()
    tx.add(CallEvent(call_id=call.id, position=call.events, turn=call.turn, at=now, event=entry))


def note_step(tx: Tx, call: Call, node: str, exit_: str, *, now: datetime) -> None:
    """Add the exit that a node was left by."""
    call.steps += 1
    tx.add(CallStep(call_id=call.id, position=call.steps, at=now, node=node, exit=exit_))


def events(tx: Tx, call_id: str) -> list[Event]:
    """Return what the engine was told in this call, answers to its questions included."""
    rows = tx.exec(select(CallEvent).where(CallEvent.call_id == call_id).order_by(col(CallEvent.position)))
    return [EVENTS.validate_json(row.event) for row in rows]


def steps(tx: Tx, call_id: str) -> list[tuple[str, str]]:
    """Return the nodes the call passed, each with the exit it took."""
    rows = tx.exec(select(CallStep).where(CallStep.call_id == call_id).order_by(col(CallStep.position)))
    return [(row.node, row.exit) for row in rows]
