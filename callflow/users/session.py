"""Signed-in browsers."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import col, delete

from callflow.store import Tx, User, WebSession
from callflow.tokens import fingerprint, new_token

LIFETIME = timedelta(hours=12)
IDLE = timedelta(hours=2)
_SEEN_STEP = timedelta(minutes=1)


def sign_in(tx: Tx, user_id: str, *, now: datetime) -> tuple[str, WebSession]:
    """Open a session after the password was checked; returns the cookie's token and the row."""
    user = tx.get_one(User, user_id)
    user.failures = 0
    user.locked_until = None
    token = new_token()
    session = WebSession(
        id=fingerprint(token),
        user_id=user_id,
        csrf=new_token(),
        created_at=now,
        seen_at=now,
        expires_at=now + LIFETIME,
    )
    tx.add(session)
    tx.exec(delete(WebSession).where(col(WebSession.expires_at) < now))
    return token, session


def signed_in(tx: Tx, token: str, *, now: datetime) -> tuple[User, WebSession] | None:
    """Return whose cookie it is, or None: unknown, expired, idle for two hours, or the account is off."""
    session = tx.get(WebSession, fingerprint(token))
    if session is None or now >= session.expires_at or now - session.seen_at >= IDLE:
        return None
    user = tx.get(User, session.user_id)
    return (user, session) if user is not None and user.active else None


def needs_touch(session: WebSession, *, now: datetime) -> bool:
    """Tell whether `touch` is due: once a minute is enough, so that reading pages rarely writes."""
    return now - session.seen_at >= _SEEN_STEP


def touch(tx: Tx, session_id: str, *, now: datetime) -> None:
    """Note that the session is in use."""
    session = tx.get(WebSession, session_id)
    if session is not None:
        session.seen_at = now


def sign_out(tx: Tx, token: str) -> None:
    """End the session; an unknown token changes nothing."""
    tx.exec(delete(WebSession).where(col(WebSession.id) == fingerprint(token)))


def sign_out_everywhere(tx: Tx, user_id: str) -> None:
    """End all sessions of a user, e.g. after a new password."""
    tx.exec(delete(WebSession).where(col(WebSession.user_id) == user_id))
