"""The journal of calls: masked events, in order, enough to replay a call."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, func, select

from callflow.codec import EVENTS
from callflow.events import Event
from callflow.store import Call, CallEvent, CallStep, Tx


def note_event(tx: Tx, call: Call, event: Event, *, now: datetime) -> None:
    """Add an event to the call's journal; it must hold no personal datum (`callflow.masking`)."""
    count = tx.exec(select(func.count()).select_from(CallEvent).where(CallEvent.call_id == call.id)).one()
    entry = EVENTS.dump_json(event).decode()
    tx.add(CallEvent(call_id=call.id, position=count + 1, turn=call.turn, at=now, event=entry))


def events(tx: Tx, call_id: str) -> list[Event]:
    """Return what the engine was told in this call, answers to its questions included."""
    rows = tx.exec(select(CallEvent).where(CallEvent.call_id == call_id).order_by(col(CallEvent.position)))
    return [EVENTS.validate_json(row.event) for row in rows]


def steps(tx: Tx, call_id: str) -> list[tuple[str, str]]:
    """Return the nodes the call passed, each with the exit it took."""
    rows = tx.exec(select(CallStep).where(CallStep.call_id == call_id).order_by(col(CallStep.position)))
    return [(row.node, row.exit) for row in rows]
