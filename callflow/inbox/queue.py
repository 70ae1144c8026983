"""Reading the inbox: what is to be done, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case
from sqlmodel import col, func, or_, select

from callflow.inbox.faults import CardUnknownError
from callflow.inbox.opening import RANK
from callflow.store import Card, CardEvent, Message, Tx, sealer_of

_RANK = case(RANK, value=col(Card.urgency), else_=len(RANK))
_ORDER = (_RANK, col(Card.first_contact_at), col(Card.id))


def queue(tx: Tx, *, now: datetime) -> Sequence[Card]:
    """Return the cards to work on, claimed ones included: urgent first, then by first contact."""
    due_back = or_(col(Card.back_at).is_(None), col(Card.back_at) <= now)
    return tx.exec(select(Card).where(Card.status != "closed", due_back).order_by(*_ORDER)).all()


def later(tx: Tx, *, now: datetime) -> Sequence[Card]:
    """Return the cards that come back later ("nicht erreicht"), soonest first."""
    waiting = select(Card).where(Card.status != "closed", col(Card.back_at) > now)
    return tx.exec(waiting.order_by(col(Card.back_at), col(Card.id))).all()


def closed(tx: Tx, *, since: datetime, limit: int = 200) -> Sequence[Card]:
    """Return the cards closed since then, latest first."""
    done = select(Card).where(Card.status == "closed", col(Card.closed_at) >= since)
    return tx.exec(done.order_by(col(Card.closed_at).desc(), col(Card.id)).limit(limit)).all()


def overdue(tx: Tx, *, now: datetime) -> Sequence[Card]:
    """Return the open cards whose deadline has passed, in queue order."""
    return tx.exec(
        select(Card).where(Card.status != "closed", col(Card.due_at) < now).order_by(*_ORDER)
    ).all()


def waiting(tx: Tx, *, now: datetime) -> int:
    """Return how many cards nobody works on yet."""
    due_back = or_(col(Card.back_at).is_(None), col(Card.back_at) <= now)
    counted = select(func.count()).select_from(Card).where(Card.status == "open", due_back)
    return tx.exec(counted).one()


def find(tx: Tx, card_id: str) -> Card:
    """Return the card.

    Raises:
        CardUnknownError: there is none of this id.
    """
    card = tx.get(Card, card_id)
    if card is None:
        raise CardUnknownError(card_id, f"there is no card {card_id}")
    return card


def history(tx: Tx, card_id: str) -> Sequence[CardEvent]:
    """Return what happened to the card, oldest first."""
    return tx.exec(
        select(CardEvent).where(CardEvent.card_id == card_id).order_by(col(CardEvent.position))
    ).all()


def thread(tx: Tx, card_id: str) -> Sequence[Message]:
    """Return the messages between practice and patient on this card, oldest first."""
    return tx.exec(
        select(Message).where(Message.card_id == card_id).order_by(col(Message.at), col(Message.id))
    ).all()


def of_number(tx: Tx, number: str) -> Sequence[Card]:
    """Return the cards of this number, latest contact first; none for a withheld number."""
    if not number:
        return ()
    same = select(Card).where(Card.number_blind == sealer_of(tx).blind(number))
    return tx.exec(same.order_by(col(Card.last_contact_at).desc(), col(Card.id))).all()


def latest_of(tx: Tx, number: str) -> Card | None:
    """Return the card that this number touched last, open ones first; None for a withheld number."""
    return max(
        of_number(tx, number),
        key=lambda card: (card.status != "closed", card.last_contact_at, card.id),
        default=None,
    )
