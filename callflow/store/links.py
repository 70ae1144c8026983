"""Tables of the form link and what comes back through it."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from callflow.store.row import Row, instant, sealed


class Link(Row, table=True):
    """A form link sent to one person about one concern.

    Args:
        token_hash: SHA-256 of the token; the token itself is only in the SMS.
        draft: answers so far, JSON, so that a locked phone loses nothing.
        fallback: "waiting" (a card opens at `due_at`) | "done" (it did) | "cancelled" (form came in).
        expires_at: from then on the link opens nothing.
    """

    __tablename__ = "links"

    token_hash: str = Field(unique=True)
    call_id: str = Field(default="", index=True)
    number: str = sealed(blind="number_blind")
    number_blind: str = Field(default="", index=True)
    concern: str = sealed()
    language: str = "de"
    urgency: str = "routine"
    draft: str = sealed()
    fallback: str = Field(default="waiting", index=True)
    created_at: datetime = instant()
    due_at: datetime = instant(index=True)
    expires_at: datetime = instant()
    opened_at: datetime | None = instant(nullable=True)
    opens: int = 0
    submitted_at: datetime | None = instant(nullable=True)


class Submission(Row, table=True):
    """A form as it was sent; at most one a link. `answers` is a JSON object field -> text."""

    __tablename__ = "submissions"

    link_id: str = Field(unique=True, foreign_key="links.id")
    card_id: str = Field(default="", index=True)
    concern: str = sealed()
    answers: str = sealed()
    language: str = "de"
    consent: str = ""
    at: datetime = instant()


class Attachment(Row, table=True):
    """A file of a submission, already checked and stripped of metadata."""

    __tablename__ = "attachments"

    submission_id: str = Field(default="", index=True)
    link_id: str = Field(foreign_key="links.id", index=True)
    name: str = sealed()
    media_type: str
    size: int
    content: bytes = sealed(binary=True)
    at: datetime = instant()


class Message(Row, table=True):
    """One message of the thread between the practice and a patient, hanging on a card."""

    __tablename__ = "messages"

    card_id: str = Field(foreign_key="cards.id", index=True)
    link_id: str = Field(default="", index=True)
    direction: str  # "to_patient" | "from_patient"
    user_id: str = ""
    text: str = sealed()
    at: datetime = instant()
    read_at: datetime | None = instant(nullable=True)
