"""A form comes in: once a link, becoming a card, and ending the wait for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from sqlmodel import col, select

from callflow.effects import Urgency
from callflow.inbox import Contact, open_card
from callflow.links.link import LinkClosedError, usable
from callflow.store import Attachment, Card, Link, Submission, Tx, announce


@dataclass(frozen=True, slots=True)
class Form:
    """A filled-in form, already checked.

    Args:
        answers: field key -> text.
        text: the answers as an MFA reads them, one line each.
        name: the person's name, "" if not asked.
        concern: reason chosen on the form, "" to keep the link's.
        urgency: None to keep the link's; "urgent" after a red flag.
        number: E.164 to call back if another one was given.
        language, consent: of the page; version of the consent text.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    name: str = ""
    concern: str = ""
    urgency: Urgency | None = None
    number: str = ""
    language: str = "de"
    consent: str = ""


def submit(tx: Tx, link_id: str, form: Form, *, now: datetime, due: datetime) -> Card:
    """Take the form: write it, open (or join) its card, end the link and its fallback.

    Raises:
        LinkClosedError: a form came before, or the link has expired.
    """
    link = tx.get(Link, link_id)
    if link is None or not usable(link, now=now):
        raise LinkClosedError
    concern = form.concern or link.concern
    submission = Submission(
        link_id=link.id,
        concern=concern,
        answers=json.dumps(dict(form.answers), ensure_ascii=False, sort_keys=True),
        language=form.language,
        consent=form.consent,
        at=now,
    )
    tx.add(submission)
    tx.flush()
    card = open_card(tx, _contact(link, form, submission), now=now, due=due)
    submission.card_id = card.id
    link.submitted_at = now
    link.draft = ""
    if link.fallback == "waiting":
        link.fallback = "cancelled"
    for attachment in tx.exec(select(Attachment).where(Attachment.link_id == link.id)):
        attachment.submission_id = submission.id
    announce(tx, "link", link.id, "submitted", now=now)
    return card


def submission_of(tx: Tx, card: Card) -> Submission | None:
    """Return the latest form that the card holds."""
    newest = select(Submission).where(Submission.card_id == card.id).order_by(col(Submission.at).desc())
    return tx.exec(newest).first()


def _contact(link: Link, form: Form, submission: Submission) -> Contact:
    return Contact(
        kind="form",
        concern=submission.concern,
        urgency=form.urgency or cast("Urgency", link.urgency),
        number=form.number or link.number,
        name=form.name,
        text=form.text,
        language=form.language,
        call_id=link.call_id,
        link_id=link.id,
        submission_id=submission.id,
    )
