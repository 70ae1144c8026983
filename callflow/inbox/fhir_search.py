"""Searching cards and messages as FHIR does: by time of the last change, page by page.

Sources: https://hl7.org/fhir/R4/search.html#date (prefixes, precision), https://hl7.org/fhir/R4/http.html#paging.
Pages go on from the last row of the page before (time and id), so that nothing is missed or told twice while
rows change between two requests; what changes meanwhile comes again at the end, as it must.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, not_, or_
from sqlalchemy.orm import Mapped
from sqlmodel import col, func, select

from callflow.store import Card, CardEvent, Message, Tx

_ZONE: Final = ZoneInfo("Europe/Berlin")
_MONTH_DAY: Final = (
    r"(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
)
_DAY: Final = rf"(?:19|20)\d\d-(?:{_MONTH_DAY})"
_TIME: Final = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+ -](?:0\d|1[0-3]):[0-5]\d)"
MOMENT: Final = rf"^(?:eq|ne|gt|lt|ge|le|sa|eb)?{_DAY}(?:T{_TIME})?$"
"""A day or an instant with its zone, and what is wanted of it. (29 February is told by its instants.)"""
_PARTS: Final = re.compile(r"^(eq|ne|gt|lt|ge|le|sa|eb)?(.+)$")
T = TypeVar("T")
Condition = ColumnElement[bool]


class CursorError(ValueError):
    """A page that we never gave out."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for.

    Args:
        updated: conditions on the last change, each as `MOMENT`.
        count: most rows on a page.
        after: where the page before ended, "" for the first.
    """

    updated: Sequence[str] = ()
    count: int = 50
    after: str = ""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A page of rows; `after` leads to the next one, "" on the last; `total` counts all pages."""

    rows: Sequence[T]
    after: str
    total: int


def tasks(tx: Tx, wanted: Wanted) -> Found[tuple[Card, Sequence[CardEvent]]]:
    """Return cards with their histories, longest unchanged first.

    Raises:
        CursorError: `wanted.after` is none of ours.
    """
    changes = select(CardEvent.card_id, func.max(CardEvent.at).label("at")).group_by(col(CardEvent.card_id))
    last = changes.subquery()
    statement = select(Card, last.c.at).join(last, last.c.card_id == Card.id)
    found = _page(tx, statement, last.c.at, col(Card.id), wanted)
    told = _histories(tx, [card.id for card in found.rows])
    return Found([(card, told.get(card.id, [])) for card in found.rows], found.after, found.total)


def communications(tx: Tx, wanted: Wanted) -> Found[tuple[Card, Message]]:
    """Return messages with the cards they hang on, longest unchanged first.

    Raises:
        CursorError: `wanted.after` is none of ours.
    """
    at = func.coalesce(Message.read_at, Message.at)
    found = _page(tx, select(Message, at), at, col(Message.id), wanted)
    return Found([(tx.get_one(Card, each.card_id), each) for each in found.rows], found.after, found.total)


def condition(at: ColumnElement[datetime], moment: str) -> Condition:
    """Return what `MOMENT` asks of a time: a day is all of its instants, a second likewise."""
    parts = _PARTS.match(moment)
    assert parts is not None  # noqa: S101  anything matches
    begin, end = _span(parts[2])
    match parts[1]:
        case "ge":
            return at >= begin
        case "gt" | "sa":
            return at >= end
        case "lt" | "eb":
            return at < begin
        case "le":
            return at < end
        case "ne":
            return not_(and_(at >= begin, at < end))
        case _:
            return and_(at >= begin, at < end)


def _span(text: str) -> tuple[datetime, datetime]:
    # A plus sign that was not escaped in the address arrives as a blank.
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    if "T" in text:
        return moment, moment + timedelta(microseconds=1 if moment.microsecond else 1_000_000)
    following = moment.date() + timedelta(days=1)
    return moment.replace(tzinfo=_ZONE), datetime.combine(following, time(), _ZONE)


def _page(
    tx: Tx,
    statement: Any,  # noqa: ANN401  SQLModel's select has no common type
    at: ColumnElement[datetime],
    key: Mapped[str],
    wanted: Wanted,
) -> Found[Any]:
    matching = statement.where(*(condition(at, each) for each in wanted.updated))
    total = tx.exec(select(func.count()).select_from(matching.order_by(None).subquery())).one()
    if wanted.after:
        since, row = _opened(wanted.after)
        matching = matching.where(or_(at > since, and_(at == since, key > row)))
    rows: Sequence[Any] = tx.exec(matching.order_by(at, key).limit(wanted.count + 1)).all()
    page = rows[: wanted.count]
    after = _cursor(page[-1][1], page[-1][0].id) if len(rows) > wanted.count else ""
    return Found([each[0] for each in page], after, total)


def _cursor(at: datetime, row: str) -> str:
    return urlsafe_b64encode(f"{at.isoformat()}|{row}".encode()).decode()


def _opened(cursor: str) -> tuple[datetime, str]:
    try:
        at, _, row = urlsafe_b64decode(cursor.encode()).decode().partition("|")
        moment = datetime.fromisoformat(at)
    except (Base64Error, ValueError) as error:
        raise CursorError("no page of ours") from error
    if moment.tzinfo is None:
        raise CursorError("no page of ours")
    return moment, row


def _histories(tx: Tx, cards: Sequence[str]) -> Mapping[str, list[CardEvent]]:
    told: dict[str, list[CardEvent]] = {}
    every = select(CardEvent).where(col(CardEvent.card_id).in_(cards)).order_by(col(CardEvent.position))
    for each in tx.exec(every):
        told.setdefault(each.card_id, []).append(each)
    return told
