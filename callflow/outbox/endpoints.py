"""Where outgoing events go."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes

from sqlmodel import col, select

from callflow.store import Endpoint, Tx

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
    if unknown := sorted(set(wish.events) - set(EVENTS)):
        raise ValueError(f"unknown events: {', '.join(unknown)}; known: {', '.join(EVENTS)}")
    if not wish.url.startswith(("https://", "http://")):
        raise ValueError("an endpoint's address begins with https:// (or http://)")
    endpoint = Endpoint(
        name=wish.name,
        url=wish.url,
        secret=SECRET_PREFIX + b64encode(token_bytes(_SECRET_BYTES)).decode(),
        events=" ".join(sorted(set(wish.events))),
        full=wish.full,
        created_at=now,
    )
    tx.add(endpoint)
    tx.flush()
    return endpoint


def everything(tx: Tx) -> Sequence[Endpoint]:
    """Return all endpoints by name."""
    return tx.exec(select(Endpoint).order_by(col(Endpoint.name), col(Endpoint.id))).all()


def switch(tx: Tx, endpoint_id: str, *, active: bool) -> None:
    """Begin or stop sending events to an endpoint."""
    tx.get_one(Endpoint, endpoint_id).active = active


def wants(endpoint: Endpoint, event: str) -> bool:
    """Tell whether the endpoint gets such events."""
    return endpoint.active and (not endpoint.events or event in endpoint.events.split())
