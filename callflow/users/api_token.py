"""Tokens for programs that use the API."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select

from callflow.store import ApiToken, Tx
from callflow.tokens import fingerprint, new_token

SCOPES = ("cards:read", "cards:write", "messages:read", "calls:read", "outbox:read", "events:write")
_USED_STEP = timedelta(minutes=1)


class ScopeError(ValueError):
    """A scope that does not exist."""


def issue(tx: Tx, *, name: str, scopes: Collection[str], now: datetime) -> tuple[str, ApiToken]:
    """Make a token; it is shown once and kept as a hash.

    Raises:
        ScopeError: a scope that is none of `SCOPES`.
    """
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise ScopeError(f"unknown scopes: {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    token = new_token()
    row = ApiToken(
        token_hash=fingerprint(token), name=name, scopes=" ".join(sorted(set(scopes))), created_at=now
    )
    tx.add(row)
    tx.flush()
    return token, row


def holder(tx: Tx, token: str, scope: str) -> ApiToken | None:
    """Return the token's row if it is valid and has the scope, else None."""
    row = tx.exec(select(ApiToken).where(ApiToken.token_hash == fingerprint(token))).one_or_none()
    if row is None or row.revoked_at is not None or scope not in row.scopes.split():
        return None
    return row


def needs_mark(row: ApiToken, *, now: datetime) -> bool:
    """Tell whether `mark_used` is due (once a minute)."""
    return row.used_at is None or now - row.used_at >= _USED_STEP


def mark_used(tx: Tx, token_id: str, *, now: datetime) -> None:
    """Note that the token is in use."""
    tx.get_one(ApiToken, token_id).used_at = now


def revoke(tx: Tx, token_id: str, *, now: datetime) -> None:
    """End a token."""
    tx.get_one(ApiToken, token_id).revoked_at = now


def everything(tx: Tx) -> Sequence[ApiToken]:
    """Return all tokens, newest first, without their secrets."""
    return tx.exec(select(ApiToken).order_by(col(ApiToken.created_at).desc())).all()
