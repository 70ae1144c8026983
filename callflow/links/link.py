"""The form link: made in a call, opened on a phone."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import select

from callflow.effects import Urgency
from callflow.sealing import Sealer, SealError
from callflow.store import Link, Tx, announce, new_id
from callflow.store.prepared import inserting
from callflow.tokens import fingerprint, new_token

_LINK = inserting(Link)
_VISIT = b"cookie|visit|form"


class LinkClosedError(Exception):
    """The link takes no form: used, expired or unknown; people are told the same in all three cases."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a link is for.

    Args:
        number: E.164 it goes to.
        concern: key of the reason that the form opens with.
        urgency, language, call_id: of the call.
        due: if no form came by then, a card opens instead.
        expires: from then on the link opens nothing.
    """

    number: str
    concern: str
    due: datetime
    expires: datetime
    urgency: Urgency = "routine"
    language: str = "de"
    call_id: str = ""


def create(tx: Tx, offer: Offer, *, now: datetime) -> tuple[str, Link]:
    """Make a link; returns the token (for the SMS alone) and the row."""
    token, link = issue(tx, offer, now=now)
    return token, tx.get_one(Link, link)


def issue(tx: Tx, offer: Offer, *, now: datetime) -> tuple[str, str]:
    """Make a link; returns the token (for the SMS alone) and the row's id."""
    token, link = new_token(), new_id()
    values = {
        "id": link,
        "token_hash": fingerprint(token),
        "number": offer.number,
        "concern": offer.concern,
        "urgency": offer.urgency,
        "language": offer.language,
        "call_id": offer.call_id,
        "created_at": now,
        "due_at": offer.due,
        "expires_at": offer.expires,
    }
    _LINK.run(tx, values)
    return token, link


def by_token(tx: Tx, token: str, *, now: datetime) -> Link | None:
    """Return the link that still takes a form, or None: unknown, expired, or used."""
    link = tx.exec(select(Link).where(Link.token_hash == fingerprint(token))).one_or_none()
    return link if link is not None and usable(link, now=now) else None


def usable(link: Link, *, now: datetime) -> bool:
    """Tell whether the link still takes a form."""
    return link.submitted_at is None and now < link.expires_at


def visit(sealer: Sealer, link: Link) -> str:
    """Return the cookie value that stands for the link once the token has left the address bar."""
    return urlsafe_b64encode(sealer.seal(link.id.encode(), _VISIT)).decode()


def by_visit(tx: Tx, sealer: Sealer, cookie: str) -> Link | None:
    """Return the link of a `visit` cookie, used and expired ones too (ask `usable`); None if forged."""
    try:
        link_id = sealer.unseal(urlsafe_b64decode(cookie.encode()), _VISIT).decode()
    except (SealError, Base64Error, ValueError):
        return None
    return tx.get(Link, link_id)


def opened(tx: Tx, link_id: str, *, now: datetime) -> None:
    """Count an opening; it uses nothing up (preview bots open links too)."""
    link = tx.get_one(Link, link_id)
    link.opens += 1
    if link.opened_at is None:
        link.opened_at = now
        announce(tx, "link", link_id, "opened", now=now)


def keep_draft(tx: Tx, link_id: str, answers: dict[str, str], *, now: datetime) -> None:
    """Keep what was filled in so far.

    Raises:
        LinkClosedError: the link takes no form any more.
    """
    link = tx.get_one(Link, link_id)
    if not usable(link, now=now):
        raise LinkClosedError
    link.draft = json.dumps(answers, ensure_ascii=False, sort_keys=True)


def draft(link: Link) -> dict[str, str]:
    """Return what was filled in so far."""
    answers: dict[str, str] = json.loads(link.draft or "{}")
    return answers
