"""A link that nobody used by its deadline becomes a card, exactly once."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlmodel import col, select

from callflow.effects import CardKind, Urgency
from callflow.inbox import Contact, Deadlines, open_card
from callflow.store import Card, Link, Tx

_BATCH = 100


def fall_back(tx: Tx, link: Link, kind: CardKind, *, now: datetime, deadlines: Deadlines) -> Card | None:
    """Open the card that stands for the link, unless a form or an earlier fallback came first.

    Args:
        tx: a write transaction.
        link: as read in `tx`.
        kind: "link_unused", or "sms_failed" when its SMS did not arrive.
        now: aware time.
        deadlines: give the card's deadline.
    """
    if link.fallback != "waiting":
        return None
    link.fallback = "done"
    urgency = cast("Urgency", link.urgency)
    contact = Contact(
        kind=kind,
        concern=link.concern,
        urgency=urgency,
        number=link.number,
        language=link.language,
        call_id=link.call_id,
        link_id=link.id,
    )
    return open_card(tx, contact, now=now, due=deadlines.due(link.concern, urgency, now))


def unused(tx: Tx, *, now: datetime, deadlines: Deadlines) -> list[Card]:
    """Open a card for every link whose deadline has passed without a form (at most 100 at a time)."""
    late = tx.exec(
        select(Link)
        .where(Link.fallback == "waiting", col(Link.due_at) <= now)
        .order_by(col(Link.due_at))
        .limit(_BATCH)
    ).all()
    opened = (fall_back(tx, link, "link_unused", now=now, deadlines=deadlines) for link in late)
    return [card for card in opened if card is not None]
