"""Outgoing events: what the change feed tells becomes an intent for every endpoint that wants it.

The feed is written with what it tells of; how far it was turned into intents is written with the intents. So
no event is lost and none is queued twice, wherever the house may fall.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlmodel import col, select

from callflow.outbox.endpoints import TEST_EVENT, everything, wants
from callflow.outbox.queue import put_event
from callflow.store import Call, Card, Change, Endpoint, Fact, Intent, Link, Tx, new_id

_CURSOR = "events sent up to"
_BATCH = 200
_CARDS = {"opened": "card.created", "closed": "card.closed"}
_LINKS = {"sent": "link.sent", "opened": "link.opened", "submitted": "link.submitted"}

Data = dict[str, object]


def pump(tx: Tx, *, now: datetime) -> bool:
    """Queue the next events (at most 200 changes at a time); tells whether there may be more.

    What happened before the first endpoint was added is not told.
    """
    cursor = tx.get(Fact, _CURSOR) or Fact(name=_CURSOR, value="0")
    newer = select(Change).where(col(Change.number) > int(cursor.value)).order_by(col(Change.number))
    changes = tx.exec(newer.limit(_BATCH)).all()
    if not changes:
        return False
    endpoints = [endpoint for endpoint in everything(tx) if endpoint.active]
    for change in changes if endpoints else ():
        _queue(tx, change, endpoints, now)
    cursor.value = str(changes[-1].number)
    tx.add(cursor)
    return len(changes) == _BATCH


def test(tx: Tx, endpoint_id: str, *, now: datetime) -> Intent:
    """Queue a test event for one endpoint; its intent shows how that went."""
    tx.get_one(Endpoint, endpoint_id)
    return put_event(tx, endpoint_id, TEST_EVENT, _body(TEST_EVENT, now, {"hello": "Rufweiche"}), now=now)


def name(change: Change) -> str:
    """Return the event's name for a change, "" if it is none."""
    if change.topic == "card":
        return _CARDS.get(change.kind, "card.updated")
    if change.topic == "link":
        return _LINKS.get(change.kind, "")
    return "call.ended" if (change.topic, change.kind) == ("call", "ended") else ""


def card_data(card: Card, *, full: bool) -> Data:
    """Return a card as events tell of it; what a person said or wrote only when `full`."""
    data: Data = {
        "id": card.id,
        "kind": card.kind,
        "status": card.status,
        "urgency": card.urgency,
        "contacts": card.contacts,
        "attempts": card.attempts,
        "outcome": card.outcome,
        "call_id": card.call_id,
        "link_id": card.link_id,
        "first_contact_at": card.first_contact_at.isoformat(),
        "due_at": card.due_at.isoformat(),
        "closed_at": card.closed_at.isoformat() if card.closed_at else None,
    }
    if full:
        data |= {"number": card.number, "name": card.name, "concern": card.concern, "text": card.text}
    return data


def _queue(tx: Tx, change: Change, endpoints: list[Endpoint], now: datetime) -> None:
    event = name(change)
    for endpoint in endpoints:
        if event and wants(endpoint, event):
            data = _data(tx, change, full=endpoint.full)
            put_event(tx, endpoint.id, event, _body(event, change.at, data), now=now)


def _data(tx: Tx, change: Change, *, full: bool) -> Data:
    if change.topic == "card" and (card := tx.get(Card, change.subject)):
        return card_data(card, full=full)
    if change.topic == "link" and (link := tx.get(Link, change.subject)):
        return {"id": link.id, "call_id": link.call_id}
    if change.topic == "call" and (call := tx.get(Call, change.subject)):
        ended = call.ended_at.isoformat() if call.ended_at else None
        began = call.started_at.isoformat()
        return {
            "id": call.id,
            "line": call.line,
            "outcome": call.outcome,
            "started_at": began,
            "ended_at": ended,
        }
    return {"id": change.subject}


def _body(event: str, at: datetime, data: Data) -> str:
    return json.dumps(
        {"id": new_id(), "type": event, "timestamp": at.isoformat(), "data": data}, ensure_ascii=False
    )
