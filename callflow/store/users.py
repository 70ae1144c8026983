"""Tables of staff: users, their sessions, one-time password links and API tokens."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from callflow.store.row import Row, instant, sealed


class User(Row, table=True):
    """A person who works in the practice.

    Args:
        role: "staff" or "admin".
        language: of the pages, in browsers where none was chosen.
        device: the person's own telephone for click-to-call: an extension, a Teams number or a mobile one.
        password_hash: empty until a password was set.
    """

    __tablename__ = "users"

    login: str = Field(unique=True)
    name: str = ""
    role: str = "staff"
    language: str = "de"
    device: str = sealed(later=True)
    password_hash: str = ""
    active: bool = True
    failures: int = 0
    locked_until: datetime | None = instant(nullable=True)
    created_at: datetime = instant()


class WebSession(Row, table=True):
    """A signed-in browser; `id` is the SHA-256 of the cookie's token."""

    __tablename__ = "web_sessions"

    user_id: str = Field(foreign_key="users.id", index=True)
    csrf: str
    created_at: datetime = instant()
    seen_at: datetime = instant()
    expires_at: datetime = instant()


class Invitation(Row, table=True):
    """A one-time link to set a password; `id` is the SHA-256 of its token."""

    __tablename__ = "invitations"

    user_id: str = Field(foreign_key="users.id", index=True)
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(nullable=True)


class ApiToken(Row, table=True):
    """A token for programs; `token_hash` is its SHA-256, `scopes` are separated by blanks."""

    __tablename__ = "api_tokens"

    token_hash: str = Field(unique=True)
    name: str
    scopes: str = ""
    created_at: datetime = instant()
    used_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)
