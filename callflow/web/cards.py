"""Cards as the inbox shows them: rows become ready words; no template computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal

from callflow import numbers
from callflow.inbox import dial_outcome
from callflow.store import Card, CardEvent
from callflow.web import words
from callflow.web.catalogue import Texts
from callflow.web.house import House

View = Literal["open", "mine", "later", "done"]
_NEAR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, when, and in which language.

    Args:
        user_id: the reader.
        names: user id -> name.
        texts: catalogue.
        now: aware present time.
        house: for the words of reasons.
    """

    user_id: str
    names: Mapping[str, str]
    texts: Texts
    now: datetime
    house: House

    def name(self, user_id: str) -> str:
        """Return how a colleague is called, "?" if the account is gone."""
        return self.names.get(user_id, "?")


@dataclass(frozen=True, slots=True)
class Line:
    """A card as one row of the queue."""

    id: str
    urgency: str
    concern: str
    kind: str
    person: str
    number: str
    tel: str
    age: str
    due: str
    due_style: str
    holder: str
    mine: bool
    attempts: str
    contacts: str
    closed: str
    back: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a card's history."""

    at: str
    text: str
    note: str


def line(card: Card, reader: Reader) -> Line:
    """Return a card as a row of the queue."""
    texts = reader.texts
    return Line(
        id=card.id,
        urgency=card.urgency,
        concern=reader.house.concern_label(card.concern, texts.language) or texts("card.no_concern"),
        kind=texts(f"card.{card.kind}"),
        person=card.name,
        number=numbers.written(card.number) if card.number else texts("card.withheld"),
        tel=card.number,
        age=words.age(texts, card.first_contact_at, reader.now),
        due=words.due(texts, card.due_at, reader.now) if card.status != "closed" else "",
        due_style=_due_style(card, reader.now),
        holder=reader.name(card.claimed_by) if card.claimed_by else "",
        mine=card.claimed_by == reader.user_id,
        attempts=texts("card.not_reached", count=card.attempts) if card.attempts else "",
        contacts=texts("card.merged", count=card.contacts) if card.contacts > 1 else "",
        closed=_closed(card, reader),
        back=_back(card, reader),
    )


def groups(cards: Sequence[Card], reader: Reader) -> list[tuple[str, list[Line]]]:
    """Return cards in queue order, split by urgency."""
    return [
        (urgency, [line(card, reader) for card in those])
        for urgency, those in groupby(cards, key=lambda card: card.urgency)
    ]


def story(events: Sequence[CardEvent], reader: Reader) -> list[Happening]:
    """Return a card's history in words, oldest first."""
    return [_happening(event, reader) for event in events]


def _happening(event: CardEvent, reader: Reader) -> Happening:
    tell = _TELLERS.get(event.kind)
    text = (
        tell(event, reader) if tell else reader.texts(f"event.{event.kind}", name=reader.name(event.user_id))
    )
    note = event.text if event.kind in _WRITTEN else ""
    return Happening(words.stamp(event.at, reader.now), text, note)


def _contact(event: CardEvent, reader: Reader) -> str:
    kind = reader.texts(f"card.{event.text}") if event.text else ""
    return reader.texts(f"event.{event.kind}", kind=kind)


def _closing(event: CardEvent, reader: Reader) -> str:
    outcome = reader.texts(f"outcome.{event.text}")
    return reader.texts("event.closed", name=reader.name(event.user_id), outcome=outcome)


def _dialled(event: CardEvent, reader: Reader) -> str:
    result = dial_outcome(event)
    spoken = f"{result.seconds // 60}:{result.seconds % 60:02} min"
    outcome = reader.texts(f"dial.{result.outcome}", spoken=spoken)
    return reader.texts("event.dialled", name=reader.name(event.user_id), outcome=outcome)


def _transcript(event: CardEvent, reader: Reader) -> str:
    return reader.texts("event.transcript" if event.text else "event.transcript_empty")


_TELLERS: Mapping[str, Callable[[CardEvent, Reader], str]] = {
    "opened": _contact,
    "contact": _contact,
    "closed": _closing,
    "dialled": _dialled,
    "transcript": _transcript,
}
_WRITTEN = frozenset({"note", "transcript"})


def _due_style(card: Card, now: datetime) -> str:
    if card.status == "closed":
        return ""
    if card.due_at < now:
        return "late"
    return "near" if card.due_at - now < _NEAR else ""


def _closed(card: Card, reader: Reader) -> str:
    if card.status != "closed":
        return ""
    outcome = reader.texts(f"outcome.{card.outcome}")
    return reader.texts("card.closed_by", outcome=outcome, name=reader.name(card.closed_by))


def _back(card: Card, reader: Reader) -> str:
    if card.back_at is None or card.back_at <= reader.now:
        return ""
    return words.moment(reader.texts, card.back_at, reader.now)
