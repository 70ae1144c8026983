"""The card's history and the line of the change feed that goes with each entry."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlmodel import func, select

from callflow.store import Card, CardEvent, Tx, announce

EventKind = Literal[
    "opened",
    "contact",
    "claimed",
    "released",
    "taken_over",
    "attempt",
    "dialling",
    "dialled",
    "note",
    "closed",
    "reopened",
    "message",
    "transcript",
]


def log(  # noqa: PLR0913  an entry has this many columns
    tx: Tx, card: Card, kind: EventKind, *, now: datetime, user: str = "", text: str = ""
) -> None:
    """Add an entry to the card's history and announce the change to everyone who watches the inbox."""
    count = tx.exec(select(func.count()).select_from(CardEvent).where(CardEvent.card_id == card.id)).one()
    tx.add(CardEvent(card_id=card.id, position=count + 1, at=now, kind=kind, user_id=user, text=text))
    announce(tx, "card", card.id, kind, now=now)
