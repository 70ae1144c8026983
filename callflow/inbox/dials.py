"""Calls that people make from a card: written down before they are dialled, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from callflow.dialling import DialResult
from callflow.inbox.claim import held
from callflow.inbox.events import log
from callflow.inbox.faults import CardRingingError
from callflow.inbox.queue import find, history
from callflow.store import Card, CardEvent, Tx

_KINDS = ("dialling", "dialled")
_GOES_ON = timedelta(hours=2)  # a call whose line never told its end blocks the next one no longer than this


@dataclass(frozen=True, slots=True)
class Dial:
    """A call whose outcome is not written down yet.

    Args:
        id: the call, as its line knows it.
        card: the card it is about.
        user: who makes it.
    """

    id: str
    card: str
    user: str


def dialling(tx: Tx, card_id: str, user_id: str, dial: str, *, now: datetime) -> Card:
    """Write down that the card's holder calls the patient now.

    Raises:
        CardUnknownError, CardClosedError, CardNotHeldError, CardHeldError: as `claim.held`.
        CardRingingError: a call from this card is still going on.
    """
    card = held(tx, card_id, user_id)
    if _unfinished(event for event in history(tx, card_id) if event.at > now - _GOES_ON):
        raise CardRingingError(card_id, f"card {card_id} is being called")
    log(tx, card, "dialling", now=now, user=user_id, text=dial)
    return card


def dialled(tx: Tx, dial: Dial, result: DialResult, *, now: datetime) -> None:
    """Write down what became of a call; a second result for the same call changes nothing.

    Raises:
        CardUnknownError: there is no such card.
    """
    if dial in _unfinished(history(tx, dial.card)):
        text = f"{result.outcome} {result.seconds} {dial.id}"
        log(tx, find(tx, dial.card), "dialled", now=now, user=dial.user, text=text)


def unfinished(tx: Tx, *, since: datetime) -> list[Dial]:
    """Return the calls begun since then whose outcome is not written down."""
    ours = select(CardEvent).where(col(CardEvent.kind).in_(_KINDS), col(CardEvent.at) >= since)
    return _unfinished(tx.exec(ours.order_by(col(CardEvent.at))).all())


def outcome(event: CardEvent) -> DialResult:
    """Read the result back out of a "dialled" entry."""
    word, seconds, _ = event.text.split(" ")
    return DialResult(word, int(seconds))  # type: ignore[arg-type]  # written by `dialled` alone


def _unfinished(events: Iterable[CardEvent]) -> list[Dial]:
    going: dict[str, Dial] = {}
    for event in events:
        if event.kind == "dialling":
            going[event.text] = Dial(event.text, event.card_id, event.user_id)
        elif event.kind == "dialled":
            going.pop(event.text.rpartition(" ")[2], None)
    return list(going.values())
