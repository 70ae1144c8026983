"""The thread: the practice answers on a card, the patient reads and replies through a fresh link."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from callflow.inbox import Contact, open_card, reopen
from callflow.inbox.events import log
from callflow.links.link import LinkClosedError, Offer, create, usable
from callflow.store import Card, Link, Message, Submission, Tx

TRIES = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What the practice writes.

    Args:
        user_id: who writes.
        text: the words.
        valid: how long the link lives.
    """

    user_id: str
    text: str
    valid: timedelta = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a patient writes back.

    Args:
        text: the words.
        due: until when they are answered.
        language: of the page.
    """

    text: str
    due: datetime
    language: str = "de"


def answer(tx: Tx, card: Card, said: Answer, *, now: datetime) -> tuple[str, Link]:
    """Write to the patient; returns the token of the link that goes out by SMS, and the link.

    A link that is not read until it ends becomes a card again, as every link does.
    """
    offer = Offer(
        number=card.number,
        concern=card.concern,
        due=now + said.valid,
        expires=now + said.valid,
        language=card.language,
        call_id=card.call_id,
    )
    token, link = create(tx, offer, now=now)
    tx.add(
        Message(
            card_id=card.id,
            link_id=link.id,
            direction="to_patient",
            user_id=said.user_id,
            text=said.text,
            at=now,
        )
    )
    log(tx, card, "message", now=now, user=said.user_id)
    return token, link


def card_of(tx: Tx, link: Link) -> Card | None:
    """Return the card whose thread the link opens, None if it opens a form."""
    sent = tx.exec(
        select(Message).where(Message.link_id == link.id, Message.direction == "to_patient")
    ).first()
    return tx.get(Card, sent.card_id) if sent else None


def birth_date(tx: Tx, card: Card, field: str) -> str:
    """Return the date of birth (ISO) of the latest form on the card that asked for it, "" if none did."""
    forms = select(Submission).where(Submission.card_id == card.id).order_by(col(Submission.at).desc())
    for form in tx.exec(forms):
        given = str(json.loads(form.answers).get(field, ""))
        if given:
            return given
    return ""


def tries_left(link: Link) -> int:
    """Return how often the date of birth may still be tried."""
    return TRIES - int(json.loads(link.draft or "{}").get("@tries", "0"))


def count_try(tx: Tx, link_id: str, *, now: datetime) -> None:
    """Count a wrong date of birth; after the last one the link is as dead as an expired one."""
    link = tx.get_one(Link, link_id)
    tries = TRIES - tries_left(link) + 1
    link.draft = json.dumps({"@tries": str(tries)})
    if tries >= TRIES:
        link.expires_at = now


def read(tx: Tx, link_id: str, *, now: datetime) -> None:
    """Note that the patient has read the thread: nobody needs to call about an unread answer."""
    link = tx.get_one(Link, link_id)
    if link.fallback == "waiting":
        link.fallback = "cancelled"
    unread = select(Message).where(
        Message.link_id == link_id, Message.direction == "to_patient", col(Message.read_at).is_(None)
    )
    for message in tx.exec(unread):
        message.read_at = now


def reply(tx: Tx, link_id: str, card: Card, said: Reply, *, now: datetime) -> Card:
    """Take the patient's words: they hang on the same card, which is opened again if it was closed.

    Raises:
        LinkClosedError: the link has ended.
    """
    link = tx.get_one(Link, link_id)
    if not usable(link, now=now):
        raise LinkClosedError
    tx.add(Message(card_id=card.id, link_id=link.id, direction="from_patient", text=said.text, at=now))
    if card.status == "closed":
        reopen(tx, card.id, "", now=now)
        card.due_at = said.due
    contact = Contact(
        kind="message",
        concern=card.concern,
        number=card.number,
        language=said.language,
        link_id=link.id,
    )
    return open_card(tx, contact, now=now, due=said.due)


def messages(tx: Tx, card_id: str) -> Sequence[Message]:
    """Return the thread's messages, oldest first."""
    return tx.exec(
        select(Message).where(Message.card_id == card_id).order_by(col(Message.at), col(Message.id))
    ).all()
