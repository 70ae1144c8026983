"""What the reception achieves: calls and links on their way to a form, calls by hour, time to call back.

No figure here is about a member of the team, and none names a caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from callflow.store import Call, Card, CardEvent, Intent, Link, Message, Tx

ZONE: Final = ZoneInfo("Europe/Berlin")
AGAIN: Final = timedelta(hours=24)
"""Whoever calls again within this time was not deflected."""
_REACTIONS: Final = ("attempt", "closed", "message")
_CALLED: Final = frozenset({"callback", "missed", "voice", "link_unused", "sms_failed"})
_DECILES: Final = 10


@dataclass(frozen=True, slots=True)
class Funnel:
    """How far calls went on their way to a form; each number is part of the one before.

    Args:
        calls: answered calls.
        sent: links that went out by SMS.
        delivered: of them, those that the network reported as delivered.
        opened, submitted: links that were opened, and whose form was sent.
        deflected: of these, those whose sender did not call again within 24 hours.
    """

    calls: int = 0
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    submitted: int = 0
    deflected: int = 0

    @property
    def rate(self) -> float:
        """Return the share of calls that were deflected, 0 to 1."""
        return self.deflected / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Waits:
    """How long people waited for us.

    Args:
        cards: cards that we reacted to.
        median: until our first reaction, half of them at most.
        slowest_tenth: nine of ten at most.
        in_time: reactions before the promised deadline.
    """

    cards: int = 0
    median: timedelta = timedelta()
    slowest_tenth: timedelta = timedelta()
    in_time: int = 0


@dataclass(frozen=True, slots=True)
class Measures:
    """A span of time in figures; `hours` counts calls by hour of day where the practice is."""

    funnel: Funnel
    hours: Mapping[int, int]
    waits: Waits
    kinds: Mapping[str, int]


def measure(tx: Tx, *, since: datetime, until: datetime) -> Measures:
    """Return the figures of calls and cards that began in this span."""
    began = tx.exec(select(Call.started_at).where(*_within(Call.started_at, since, until))).all()
    cards = tx.exec(select(Card).where(*_within(Card.first_contact_at, since, until))).all()
    return Measures(
        funnel=_funnel(tx, len(began), since, until),
        hours=Counter(at.astimezone(ZONE).hour for at in began),
        waits=_waits(tx, [card for card in cards if card.kind in _CALLED]),
        kinds=Counter(card.kind for card in cards),
    )


def _funnel(tx: Tx, calls: int, since: datetime, until: datetime) -> Funnel:
    # Links of a thread lead to an answer and are no deflection.
    threads = select(Message.link_id).where(Message.direction == "to_patient")
    links = tx.exec(
        select(Link).where(*_within(Link.created_at, since, until), col(Link.id).not_in(threads))
    ).all()
    sent = _links_of(tx, links, col(Intent.status) == "sent")
    submitted = [link for link in links if link.submitted_at]
    return Funnel(
        calls=calls,
        sent=len(sent),
        delivered=len(_links_of(tx, links, col(Intent.delivery) == "delivered")),
        opened=sum(link.opened_at is not None for link in links),
        submitted=len(submitted),
        deflected=sum(not _called_again(tx, link) for link in submitted),
    )


def _links_of(tx: Tx, links: Sequence[Link], how: ColumnElement[bool]) -> Collection[str]:
    theirs = select(Intent.link_id).where(Intent.kind == "sms", Intent.purpose == "link", how)
    return set(tx.exec(theirs)) & {link.id for link in links}


def _called_again(tx: Tx, link: Link) -> bool:
    at = link.submitted_at
    if at is None or not link.number:
        return False
    later = select(func.count()).where(
        Call.number_blind == link.number_blind, *_within(Call.started_at, at, at + AGAIN)
    )
    return tx.exec(later).one() > 0


def _waits(tx: Tx, cards: Sequence[Card]) -> Waits:
    first = _first_reactions(tx)
    answered = [(card, first[card.id]) for card in cards if card.id in first]
    if not answered:
        return Waits()
    seconds = sorted((at - card.first_contact_at).total_seconds() for card, at in answered)
    tenths = quantiles(seconds, n=_DECILES, method="inclusive") if len(seconds) > 1 else seconds * 9
    return Waits(
        cards=len(answered),
        median=timedelta(seconds=tenths[4]),
        slowest_tenth=timedelta(seconds=tenths[8]),
        in_time=sum(at <= card.due_at for card, at in answered),
    )


def _first_reactions(tx: Tx) -> dict[str, datetime]:
    reactions = (
        select(CardEvent.card_id, func.min(CardEvent.at))
        .where(col(CardEvent.kind).in_(_REACTIONS), CardEvent.user_id != "")
        .group_by(col(CardEvent.card_id))
    )
    return dict(tx.exec(reactions).all())


def _within(
    column: datetime, since: datetime, until: datetime
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(column) >= since, col(column) < until
