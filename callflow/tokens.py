"""Opaque secrets: handed out once, kept only as a hash."""

from __future__ import annotations

from hashlib import sha256
from secrets import token_urlsafe

_BYTES = 16  # 128 bits: 22 characters, cannot be guessed, still fits an SMS


def new_token() -> str:
    """Return a fresh 128-bit token of URL-safe characters."""
    return token_urlsafe(_BYTES)


def fingerprint(token: str) -> str:
    """Return the hash under which the token is found; a fast one will do, tokens are random."""
    return sha256(token.encode()).hexdigest()
