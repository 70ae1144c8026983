"""Working on a card that one holds: note, attempt, close."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from callflow.inbox.claim import held, let_go
from callflow.inbox.events import log
from callflow.inbox.faults import CardNotHeldError
from callflow.inbox.queue import find
from callflow.store import Card, Tx

CloseOutcome = Literal[
    "done", "appointment", "prescription", "referral", "passed_on", "not_reached", "not_needed"
]
OUTCOMES: tuple[CloseOutcome, ...] = get_args(CloseOutcome)


def note(tx: Tx, card_id: str, user_id: str, text: str, *, now: datetime) -> Card:
    """Write a note on the card; anyone may, also on a closed one.

    Raises:
        CardUnknownError: there is no such card.
    """
    card = find(tx, card_id)
    log(tx, card, "note", now=now, user=user_id, text=text)
    return card


def attempt(tx: Tx, card_id: str, user_id: str, *, now: datetime, back: datetime) -> Card:
    """Count a call that nobody took ("nicht erreicht"): let go of the card and hide it until `back`.

    Raises:
        CardUnknownError, CardClosedError, CardNotHeldError, CardHeldError: as `claim.held`.
    """
    card = held(tx, card_id, user_id)
    card.attempts += 1
    card.back_at = back
    card.status = "open"
    let_go(card)
    log(tx, card, "attempt", now=now, user=user_id)
    return card


def close(tx: Tx, card_id: str, user_id: str, outcome: CloseOutcome, *, now: datetime) -> Card:
    """Finish the card.

    Raises:
        ValueError: an outcome that is none of `OUTCOMES`.
        CardUnknownError, CardClosedError, CardNotHeldError, CardHeldError: as `claim.held`.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"{outcome!r} is no outcome; one of: {', '.join(OUTCOMES)}")
    card = held(tx, card_id, user_id)
    card.status = "closed"
    card.outcome = outcome
    card.closed_by = user_id
    card.closed_at = now
    card.back_at = None
    let_go(card)
    log(tx, card, "closed", now=now, user=user_id, text=outcome)
    return card


def reopen(tx: Tx, card_id: str, user_id: str, *, now: datetime) -> Card:
    """Take a closed card back into the queue.

    Raises:
        CardUnknownError: there is no such card.
        CardNotHeldError: it is not closed.
    """
    card = find(tx, card_id)
    if card.status != "closed":
        raise CardNotHeldError(card_id, f"card {card_id} is not closed")
    card.status = "open"
    card.outcome = ""
    card.closed_by = ""
    card.closed_at = None
    log(tx, card, "reopened", now=now, user=user_id)
    return card
