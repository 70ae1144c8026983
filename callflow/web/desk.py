"""One look at the inbox: read in a single transaction, turned into words for one reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from callflow import inbox
from callflow.links import attachment, thread
from callflow.links.form import submission_of
from callflow.numbers import allowed_mobile
from callflow.store import Attachment, Card, CardEvent, Message, Submission, Tx
from callflow.users import account, api_token
from callflow.web import cards, words
from callflow.web.cards import Happening, Line, Reader, View
from callflow.web.forms.reading import written_date
from callflow.web.house import BIRTH, House
from callflow.web.staff import Staff

_DONE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the thread."""

    who: str
    at: str
    text: str
    ours: bool
    read: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """The opened card.

    Args:
        line: its row in the queue.
        state: "free" | "mine" | "held" | "closed", seen from the reader.
        text: what the person wrote, in readable lines.
        answers: question and answer of the latest form.
        story: its history.
        twins: other open cards of the same number.
        my_notes: how many notes the reader wrote; a new note gives a fresh field.
        files: what came with its forms.
        messages: the thread with the patient.
        answerable: an answer can be sent: by SMS, to someone whose date of birth we know.
        born: date of birth as Germans write it, "" if unknown.
        sound: there is a voice message.
    """

    line: Line
    state: str
    text: str
    answers: Sequence[tuple[str, str]]
    story: Sequence[Happening]
    twins: Sequence[Line]
    my_notes: int
    files: Sequence[Attachment]
    messages: Sequence[Said]
    answerable: bool
    born: str
    sound: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """What the inbox page shows.

    Args:
        groups: urgency and rows of the chosen view.
        counts: view -> number of cards; None where it says nothing.
        card: the opened card, None when none is.
    """

    groups: Sequence[tuple[str, Sequence[Line]]]
    counts: Mapping[str, int | None]
    card: Opened | None


@dataclass(frozen=True, slots=True)
class _Rows:
    queue: Sequence[Card]
    later: Sequence[Card]
    done: Sequence[Card]
    names: Mapping[str, str]
    card: Card | None
    events: Sequence[CardEvent]
    submission: Submission | None
    files: Sequence[Attachment]
    messages: Sequence[Message]
    born: str


async def look(house: House, staff: Staff, view: View, card_id: str = "") -> Desk:
    """Read the inbox for one person.

    Raises:
        CardUnknownError: `card_id` names no card.
    """
    now = house.clock()
    rows = await house.store.read(lambda tx: _read(tx, card_id, now))
    reader = Reader(staff.user.id, rows.names, staff.texts, now, house)
    chosen = _chosen(rows, view, staff.user.id)
    return Desk(
        groups=cards.groups(chosen, reader) if view == "open" else _ungrouped(chosen, reader),
        counts=_counts(rows, staff.user.id),
        card=_opened(rows, reader) if rows.card else None,
    )


def _read(tx: Tx, card_id: str, now: datetime) -> _Rows:
    card = inbox.find(tx, card_id) if card_id else None
    return _Rows(
        queue=inbox.queue(tx, now=now),
        later=inbox.later(tx, now=now),
        done=inbox.closed(tx, since=now - _DONE),
        names=names(tx),
        card=card,
        events=inbox.history(tx, card.id) if card else (),
        submission=submission_of(tx, card) if card else None,
        files=attachment.of_card(tx, card.id) if card else (),
        messages=inbox.thread(tx, card.id) if card else (),
        born=thread.birth_date(tx, card, BIRTH) if card else "",
    )


def names(tx: Tx) -> dict[str, str]:
    """Return how everyone who may hold a card is called: people, and programs by their tokens."""
    people = {user.id: user.name for user in account.everyone(tx)}
    return people | {token.id: token.name for token in api_token.everything(tx)}


def _chosen(rows: _Rows, view: View, user_id: str) -> Sequence[Card]:
    if view == "mine":
        return [card for card in rows.queue if card.claimed_by == user_id]
    return {"open": rows.queue, "later": rows.later, "done": rows.done}[view]


def _ungrouped(chosen: Sequence[Card], reader: Reader) -> list[tuple[str, list[Line]]]:
    return [("", [cards.line(card, reader) for card in chosen])] if chosen else []


def _counts(rows: _Rows, user_id: str) -> dict[str, int | None]:
    mine = sum(card.claimed_by == user_id for card in rows.queue)
    return {"open": len(rows.queue), "mine": mine, "later": len(rows.later), "done": None}


def _opened(rows: _Rows, reader: Reader) -> Opened | None:
    card = rows.card
    if card is None:
        return None
    own = [event for event in rows.events if event.kind == "note" and event.user_id == reader.user_id]
    return Opened(
        line=cards.line(card, reader),
        state=_state(card, reader.user_id),
        text=card.text,
        answers=list(_answers(rows.submission, reader)),
        story=cards.story(rows.events, reader),
        twins=[cards.line(twin, reader) for twin in _twins(card, rows)],
        my_notes=len(own),
        files=rows.files,
        messages=[_said(message, card, reader) for message in rows.messages],
        answerable=bool(rows.born) and allowed_mobile(card.number, reader.house.caps.countries),
        born=written_date(rows.born),
        sound=bool(card.recording),
    )


def _said(message: Message, card: Card, reader: Reader) -> Said:
    ours = message.direction == "to_patient"
    patient = card.name or reader.texts("card.patient")
    return Said(
        who=reader.name(message.user_id) if ours else patient,
        at=words.stamp(message.at, reader.now),
        text=message.text,
        ours=ours,
        read=message.read_at is not None,
    )


def _state(card: Card, user_id: str) -> str:
    if card.status == "closed":
        return "closed"
    if not card.claimed_by:
        return "free"
    return "mine" if card.claimed_by == user_id else "held"


def _twins(card: Card, rows: _Rows) -> Iterator[Card]:
    for other in (*rows.queue, *rows.later):
        if card.number and other.number == card.number and other.id != card.id:
            yield other


def _answers(submission: Submission | None, reader: Reader) -> Iterator[tuple[str, str]]:
    if submission is None:
        return
    yield from reader.house.answers(submission, reader.texts.language)
