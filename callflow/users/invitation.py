"""One-time links to set a password: the first admin's, a new colleague's, a forgotten one's."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import col, delete

from callflow.store import Invitation, Tx, User
from callflow.tokens import fingerprint, new_token
from callflow.users.account import create, find
from callflow.users.session import sign_out_everywhere

LIFETIME = timedelta(days=2)


def invite(tx: Tx, user_id: str, *, now: datetime) -> str:
    """Return the token of a link to set this user's password; older links of the user end."""
    tx.exec(delete(Invitation).where(col(Invitation.user_id) == user_id))
    token = new_token()
    tx.add(Invitation(id=fingerprint(token), user_id=user_id, created_at=now, expires_at=now + LIFETIME))
    return token


def invited(tx: Tx, token: str, *, now: datetime) -> User | None:
    """Return who may set a password with this token, or None: unknown, used or expired."""
    invitation = tx.get(Invitation, fingerprint(token))
    if invitation is None or invitation.used_at is not None or now >= invitation.expires_at:
        return None
    return tx.get(User, invitation.user_id)


def accept(tx: Tx, token: str, password_hash: str, *, now: datetime) -> User | None:
    """Set the password (hashed by `account.hash_password`) and use the link up; None as for `invited`."""
    user = invited(tx, token, now=now)
    if user is None:
        return None
    tx.get_one(Invitation, fingerprint(token)).used_at = now
    user.password_hash = password_hash
    user.failures = 0
    user.locked_until = None
    sign_out_everywhere(tx, user.id)
    return user


def first_admin(tx: Tx, *, now: datetime) -> str | None:
    """Return a fresh token for the account "admin" while its password was never set, else None.

    Called at every start: makes the account on the first one.
    """
    admin = find(tx, "admin") or create(tx, login="admin", name="Praxisleitung", role="admin", now=now)
    return None if admin.password_hash else invite(tx, admin.id, now=now)
