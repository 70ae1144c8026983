"""Who holds a card: at most one person at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import col, select

from callflow.inbox.events import log
from callflow.inbox.faults import CardClosedError, CardHeldError, CardNotHeldError
from callflow.inbox.queue import find, queue
from callflow.store import Card, Tx


def claim(tx: Tx, card_id: str, user_id: str, *, now: datetime) -> Card:
    """Give the card to `user_id`; claiming one's own card again changes nothing.

    Raises:
        CardUnknownError, CardClosedError: there is no open card of this id.
        CardHeldError: a colleague holds it.
    """
    card = _open(tx, card_id)
    if card.claimed_by == user_id:
        return card
    if card.claimed_by:
        raise CardHeldError(card_id, card.claimed_by)
    _hand_to(card, user_id, now)
    log(tx, card, "claimed", now=now, user=user_id)
    return card


def claim_next(tx: Tx, user_id: str, *, now: datetime) -> Card | None:
    """Give `user_id` the first card of the queue that nobody holds; None when there is none."""
    free = next((card for card in queue(tx, now=now) if not card.claimed_by), None)
    return claim(tx, free.id, user_id, now=now) if free else None


def take_over(tx: Tx, card_id: str, user_id: str, *, now: datetime) -> Card:
    """Give the card to `user_id` even if a colleague holds it (for admins, or when someone went home).

    Raises:
        CardUnknownError, CardClosedError: there is no open card of this id.
    """
    card = _open(tx, card_id)
    if card.claimed_by == user_id:
        return card
    _hand_to(card, user_id, now)
    log(tx, card, "taken_over", now=now, user=user_id)
    return card


def release(tx: Tx, card_id: str, user_id: str, *, now: datetime) -> Card:
    """Put the card back into the queue.

    Raises:
        CardUnknownError, CardClosedError: there is no open card of this id.
        CardNotHeldError, CardHeldError: nobody or a colleague holds it.
    """
    card = held(tx, card_id, user_id)
    _put_back(card)
    log(tx, card, "released", now=now, user=user_id)
    return card


def release_stale(tx: Tx, *, now: datetime, after: timedelta) -> list[Card]:
    """Put back every card that someone claimed `after` ago or earlier and never finished."""
    stale = tx.exec(select(Card).where(Card.status == "claimed", col(Card.claimed_at) <= now - after)).all()
    for card in stale:
        holder = card.claimed_by
        _put_back(card)
        log(tx, card, "released", now=now, user=holder)
    return list(stale)


def held(tx: Tx, card_id: str, user_id: str) -> Card:
    """Return the card if `user_id` holds it.

    Raises:
        CardUnknownError, CardClosedError: there is no open card of this id.
        CardNotHeldError, CardHeldError: nobody or a colleague holds it.
    """
    card = _open(tx, card_id)
    if not card.claimed_by:
        raise CardNotHeldError(card_id, f"card {card_id} is held by nobody")
    if card.claimed_by != user_id:
        raise CardHeldError(card_id, card.claimed_by)
    return card


def let_go(card: Card) -> None:
    """Forget the holder; the caller of this says what becomes of the card."""
    card.claimed_by = ""
    card.claimed_at = None


def _open(tx: Tx, card_id: str) -> Card:
    card = find(tx, card_id)
    if card.status == "closed":
        raise CardClosedError(card_id, f"card {card_id} is closed")
    return card


def _hand_to(card: Card, user_id: str, now: datetime) -> None:
    card.status = "claimed"
    card.claimed_by = user_id
    card.claimed_at = now


def _put_back(card: Card) -> None:
    card.status = "open"
    let_go(card)
