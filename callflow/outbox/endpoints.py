"""Where outgoing events go."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes

from sqlmodel import col, delete, select

from callflow.store import Attempt, Endpoint, Intent, Tx, sealer_of

EVENTS = (
    "card.created",
    "card.updated",
    "card.closed",
    "link.sent",
    "link.opened",
    "link.submitted",
    "call.ended",
)
TEST_EVENT = "test.ping"
_SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105  the mark of such secrets (Standard Webhooks), not one


@dataclass(frozen=True, slots=True)
class Subscription:
    """A wish for events.

    Args:
        name: for the staff.
        url: where they are posted.
        events: names out of `EVENTS`; empty for all.
        full: cards come whole, with what the patient wrote; otherwise ids only.
    """

    name: str
    url: str = field(repr=False)
    events: Collection[str] = ()
    full: bool = False


def add(tx: Tx, wish: Subscription, *, now: datetime) -> Endpoint:
    """Add an endpoint with a fresh secret (`endpoint.secret`, to be shown once).

    Raises:
        ValueError: an event that is none of `EVENTS`, or an address that is no http(s) URL.
    """
    _check(wish)
    endpoint = Endpoint(
        name=wish.name,
        url=wish.url,
        secret=_secret(),
        events=_names(wish),
        full=wish.full,
        created_at=now,
    )
    tx.add(endpoint)
    tx.flush()
    return endpoint


def change(tx: Tx, endpoint_id: str, wish: Subscription) -> None:
    """Change an endpoint; its secret stays.

    Raises:
        ValueError: as `add`.
    """
    _check(wish)
    endpoint = tx.get_one(Endpoint, endpoint_id)
    endpoint.name = wish.name
    endpoint.url = wish.url
    endpoint.events = _names(wish)
    endpoint.full = wish.full


def rotate(tx: Tx, endpoint_id: str) -> Endpoint:
    """Give an endpoint a fresh secret (`endpoint.secret`, to be shown once); the old one ends at once."""
    endpoint = tx.get_one(Endpoint, endpoint_id)
    endpoint.secret = _secret()
    return endpoint


def remove(tx: Tx, endpoint_id: str) -> None:
    """Forget an endpoint, and with it every event that it did not take; an unknown id changes nothing."""
    endpoint = tx.get(Endpoint, endpoint_id)
    if endpoint is None:
        return
    for intent in of_endpoint(tx, endpoint_id):
        if intent.status != "sent":
            tx.exec(delete(Attempt).where(col(Attempt.intent_id) == intent.id))
            tx.delete(intent)
    tx.delete(endpoint)


def of_endpoint(tx: Tx, endpoint_id: str, *, limit: int | None = None) -> Sequence[Intent]:
    """Return the events for one endpoint, newest first."""
    same = select(Intent).where(
        Intent.kind == "webhook", Intent.target_blind == sealer_of(tx).blind(endpoint_id)
    )
    return tx.exec(same.order_by(col(Intent.created_at).desc(), col(Intent.id)).limit(limit)).all()


def everything(tx: Tx) -> Sequence[Endpoint]:
    """Return all endpoints by name."""
    return tx.exec(select(Endpoint).order_by(col(Endpoint.name), col(Endpoint.id))).all()


def switch(tx: Tx, endpoint_id: str, *, active: bool) -> None:
    """Begin or stop sending events to an endpoint."""
    tx.get_one(Endpoint, endpoint_id).active = active


def wants(endpoint: Endpoint, event: str) -> bool:
    """Tell whether the endpoint gets such events."""
    return endpoint.active and (not endpoint.events or event in endpoint.events.split())


def _check(wish: Subscription) -> None:
    if unknown := sorted(set(wish.events) - set(EVENTS)):
        raise ValueError(f"unknown events: {', '.join(unknown)}; known: {', '.join(EVENTS)}")
    if not wish.url.startswith(("https://", "http://")):
        raise ValueError("an endpoint's address begins with https:// (or http://)")


def _secret() -> str:
    return SECRET_PREFIX + b64encode(token_bytes(_SECRET_BYTES)).decode()


def _names(wish: Subscription) -> str:
    return " ".join(sorted(set(wish.events)))
