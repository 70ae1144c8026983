"""Tables of the outbox: what is to be sent, every attempt at it, and where events go."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from callflow.store.row import Row, instant, sealed


class Intent(Row, table=True):
    """Something to be sent to the outside, written in the transaction that caused it.

    Args:
        kind: "sms" | "webhook".
        purpose: why: "link", "reply", "test", or the event's name.
        status: "queued" | "leased" | "sent" | "failed" | "unknown" | "cancelled".
        target: E.164 number, or the id of a webhook endpoint.
        body: SMS text, or the event's JSON; emptied once it is no longer needed.
        reference: a part of the body that no other message holds; the provider's list is searched for it.
        lease: token of the worker that holds it; `leased_until` its end.
        started: a transport was (or may have been) given it: whether it was sent is open until `finish`.
        asks: how often the provider was asked what became of it.
        transport: the one that got it last; `provider_id` its id for the message.
        tried: transports that failed in this round, separated by blanks.
        delivery: "" | "accepted" | "sent" | "delivered" | "undelivered" | "failed", only ever rising.
        segments, cost_micros: SMS parts and price in millionths of the currency unit.
    """

    __tablename__ = "intents"

    kind: str = Field(index=True)
    purpose: str = ""
    status: str = Field(default="queued", index=True)
    target: str = sealed(blind="target_blind")
    target_blind: str = Field(default="", index=True)
    body: str = sealed()
    reference: str = sealed()
    call_id: str = Field(default="", index=True)
    link_id: str = Field(default="", index=True)
    card_id: str = ""
    created_at: datetime = instant(index=True)
    next_at: datetime = instant(index=True)
    expires_at: datetime | None = instant(nullable=True)
    attempts: int = 0
    lease: str = ""
    leased_until: datetime | None = instant(nullable=True)
    started: bool = False
    started_at: datetime | None = instant(nullable=True)
    transport: str = ""
    tried: str = ""
    asks: int = 0
    provider_id: str = Field(default="", index=True)
    error: str = ""
    finished_at: datetime | None = instant(nullable=True)
    delivery: str = ""
    delivery_at: datetime | None = instant(nullable=True)
    poll_at: datetime | None = instant(nullable=True, index=True)
    segments: int = 0
    cost_micros: int = 0


class Attempt(Row, table=True):
    """One try at an intent; `result` is "sent", "transient", "permanent", "ambiguous" or "found"."""

    __tablename__ = "attempts"

    intent_id: str = Field(foreign_key="intents.id", index=True)
    number: int
    transport: str
    at: datetime = instant()
    result: str
    error: str = ""


class Endpoint(Row, table=True):
    """Where outgoing events go: another inbox or practice software.

    Args:
        events: names of events, separated by blanks; "" for all.
        full: events carry what the card says, and not only its id.
    """

    __tablename__ = "endpoints"

    name: str
    url: str = sealed()
    secret: str = sealed()
    events: str = ""
    full: bool = False
    active: bool = True
    created_at: datetime = instant()
