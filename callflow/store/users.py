"""Tables of staff: users, their sessions, one-time password links and API tokens."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from callflow.store.row import Row, instant


class User(Row, table=True):
    """A person who works in the practice. `role` is "staff" or "admin"; an empty hash means: not set yet."""

    __tablename__ = "users"

    login: str = Field(unique=True)
    name: str = ""
    role: str = "staff"
    language: str = "de"
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
