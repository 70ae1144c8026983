"""Tables of the inbox: cards, what happened to them, and the change feed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Integer
from sqlmodel import Field, SQLModel

from callflow.store.columns import Utc
from callflow.store.row import Row, instant, sealed


class Card(Row, table=True):
    """One person's one concern.

    Args:
        kind: `callflow.effects.CardKind`.
        status: "open" | "claimed" | "closed".
        urgency: `callflow.effects.Urgency`.
        number, name, concern: whom to call about what; `concern` is the reason's key.
        text: what the person wrote (form answers, transcript) in readable lines.
        recording: name of a voice message.
        contacts: how often the person reached us about it.
        attempts: how often we did not reach the person.
        back_at: hidden from the queue until then ("nicht erreicht").
        due_at: promised deadline.
        outcome: how it was closed, "" while it is not.
    """

    __tablename__ = "cards"

    kind: str
    status: str = Field(default="open", index=True)
    urgency: str = "routine"
    number: str = sealed(blind="number_blind")
    number_blind: str = Field(default="", index=True)
    name: str = sealed()
    concern: str = sealed()
    text: str = sealed()
    recording: str = sealed()
    language: str = "de"
    call_id: str = Field(default="", index=True)
    link_id: str = Field(default="", index=True)
    submission_id: str = ""
    contacts: int = 1
    attempts: int = 0
    first_contact_at: datetime = instant(index=True)
    last_contact_at: datetime = instant()
    due_at: datetime = instant(index=True)
    back_at: datetime | None = instant(nullable=True)
    claimed_by: str = ""
    claimed_at: datetime | None = instant(nullable=True)
    closed_by: str = ""
    closed_at: datetime | None = instant(nullable=True)
    outcome: str = ""


class CardEvent(Row, table=True):
    """What happened to a card: opened, contact, claimed, released, attempt, note, closed, ..."""

    __tablename__ = "card_events"

    card_id: str = Field(foreign_key="cards.id", index=True)
    position: int
    at: datetime = instant()
    kind: str
    user_id: str = ""
    text: str = sealed()


class Change(SQLModel, table=True):
    """One line of the live feed; numbers rise in commit order."""

    __tablename__ = "changes"

    number: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True, autoincrement=True))
    topic: str
    subject: str
    kind: str
    at: datetime = Field(sa_column=Column(Utc(), nullable=False))
