"""One look at the inbox: read in a single transaction, turned into words for one reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from callflow import inbox
from callflow.dialling import may_dial
from callflow.inbox.blocks import standing
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
_SEARCHED = timedelta(days=90)
_MOST_FOUND = 1000
_FEWEST_DIGITS = 4
_LATEST_CLOSED = 5


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
        twins: other cards of the same number, open ones first, then the latest closed ones.
        my_notes: how many notes the reader wrote; a new note gives a fresh field.
        files: what came with its forms.
        messages: the thread with the patient.
        answerable: an answer can be sent: by SMS, to someone whose date of birth we know.
        born: date of birth as Germans write it, "" if unknown.
        sound: there is a voice message.
        dials: a click calls the person; otherwise the browser's own telephone does.
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
    dials: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """What the inbox page shows.

    Args:
        groups: urgency and rows of the chosen view.
        counts: view -> number of cards; None where it says nothing.
        urgent: urgent cards that nobody holds.
        card: the opened card, None when none is.
        block: the work block that runs or comes next, in words; "" without one.
        newest: the newest change that the page knows of; the window is told of all after it.
    """

    groups: Sequence[tuple[str, Sequence[Line]]]
    counts: Mapping[str, int | None]
    urgent: int
    card: Opened | None
    block: str
    newest: int


@dataclass(frozen=True, slots=True)
class _Rows:
    queue: Sequence[Card]
    later: Sequence[Card]
    done: Sequence[Card]
    twins: Sequence[Card]
    names: Mapping[str, str]
    card: Card | None
    events: Sequence[CardEvent]
    submission: Submission | None
    files: Sequence[Attachment]
    messages: Sequence[Message]
    born: str


@dataclass(frozen=True, slots=True)
class Looking:
    """What a window shows.

    Args:
        view: a view of the queue.
        card: the opened card, "" for none.
        words: only cards with these words in name or reason, or these digits in the number; in "done" of the
            last 90 days.
    """

    view: View
    card: str = ""
    words: str = ""

    @property
    def asked(self) -> str:
        """Return the query string of this window's addresses."""
        return urlencode({"view": self.view} | ({"q": self.words} if self.words else {}))

    @property
    def address(self) -> str:
        """Return the window's address."""
        return f"/inbox/{self.card}?{self.asked}" if self.card else f"/inbox?{self.asked}"


async def look(house: House, staff: Staff, here: Looking) -> Desk:
    """Read the inbox for one person.

    Raises:
        CardUnknownError: the card to open is none.
    """
    now = house.clock()
    # Put into words where it was read, beside the loop that answers calls: there may be hundreds of rows.
    return await house.store.read(lambda tx: _look(tx, house, staff, here, now))


def _look(tx: Tx, house: House, staff: Staff, here: Looking, now: datetime) -> Desk:
    # Read first: what is committed while the rows are read is told again, never missed.
    newest = inbox.latest_change(tx)
    rows = _read(tx, here, now)
    reader = Reader(staff.user.id, rows.names, staff.texts, now, house)
    chosen = [card for card in _chosen(rows, here.view, staff.user.id) if _fits(card, here.words, reader)]
    return Desk(
        groups=cards.groups(chosen, reader) if here.view == "open" else _ungrouped(chosen, reader),
        counts=_counts(rows, staff.user.id),
        urgent=sum(card.urgency == "urgent" and not card.claimed_by for card in rows.queue),
        card=_opened(rows, reader, staff.user.device) if rows.card else None,
        block=_block(house, reader),
        newest=newest,
    )


def _fits(card: Card, wanted: str, reader: Reader) -> bool:
    if not wanted:
        return True
    digits = "".join(filter(str.isdigit, wanted)).lstrip("0")
    if len(digits) >= _FEWEST_DIGITS and digits in card.number:
        return True
    reason = reader.house.concern_label(card.concern, reader.texts.language)
    said = f"{card.name} {reason}".casefold()
    return all(word in said for word in wanted.casefold().split())


def _block(house: House, reader: Reader) -> str:
    found = standing(house.blocks, reader.now, house.deadlines.is_open)
    if found is None:
        return ""
    if found.running:
        return reader.texts("inbox.block_runs", until=words.clock(found.at))
    return reader.texts("inbox.block_next", when=words.moment(reader.texts, found.at, reader.now))


def _read(tx: Tx, here: Looking, now: datetime) -> _Rows:
    card_id = here.card
    card = inbox.find(tx, card_id) if card_id else None
    return _Rows(
        queue=inbox.queue(tx, now=now),
        later=inbox.later(tx, now=now),
        done=_done(tx, here, now),
        twins=inbox.of_number(tx, card.number) if card else (),
        names=names(tx),
        card=card,
        events=inbox.history(tx, card.id) if card else (),
        submission=submission_of(tx, card) if card else None,
        files=attachment.of_card(tx, card.id) if card else (),
        messages=inbox.thread(tx, card.id) if card else (),
        born=thread.birth_date(tx, card, BIRTH) if card else "",
    )


def _done(tx: Tx, here: Looking, now: datetime) -> Sequence[Card]:
    if here.view != "done":
        return ()
    if here.words:
        return inbox.closed(tx, since=now - _SEARCHED, limit=_MOST_FOUND)
    return inbox.closed(tx, since=now - _DONE)


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


def _opened(rows: _Rows, reader: Reader, device: str) -> Opened | None:
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
        dials=_dials(reader.house, card, device),
    )


def _dials(house: House, card: Card, device: str) -> bool:
    return house.desk_calls is not None and may_dial(card.number) and house.desk_calls.reaches(device)


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


def _twins(card: Card, rows: _Rows) -> list[Card]:
    others = [other for other in rows.twins if other.id != card.id]
    still_open = [other for other in others if other.status != "closed"]
    return still_open + [other for other in others if other.status == "closed"][:_LATEST_CLOSED]


def _answers(submission: Submission | None, reader: Reader) -> Iterator[tuple[str, str]]:
    if submission is None:
        return
    yield from reader.house.answers(submission, reader.texts.language)
