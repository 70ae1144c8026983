"""Staff accounts and their passwords."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import col, select

from callflow.store import Tx, User

Role = Literal["staff", "admin"]
SHORTEST = 10
_LONGEST = 256
_TRIES = 5
_LOCK = timedelta(minutes=5)
_HASHER = PasswordHasher()
# Compared against when a login does not exist, so that its answer takes as long as any other.
_NOBODY = _HASHER.hash("nobody")


class AccountError(ValueError):
    """An account or password that cannot be accepted; the message is fit for people."""


def create(tx: Tx, *, login: str, name: str, role: Role = "staff", now: datetime) -> User:
    """Add an account without a password; it is set through an invitation.

    Raises:
        AccountError: the login is empty or taken.
    """
    login = login.strip().casefold()
    if not login:
        raise AccountError("a login name is needed")
    if find(tx, login) is not None:
        raise AccountError(f"the login {login} is taken")
    user = User(login=login, name=name.strip() or login, role=role, created_at=now)
    tx.add(user)
    tx.flush()
    return user


def find(tx: Tx, login: str) -> User | None:
    """Return the account of this login name, upper and lower case alike."""
    return tx.exec(select(User).where(User.login == login.strip().casefold())).one_or_none()


def everyone(tx: Tx) -> Sequence[User]:
    """Return all accounts by name."""
    return tx.exec(select(User).order_by(col(User.name), col(User.id))).all()


def hash_password(password: str) -> str:
    """Return the argon2id hash. Slow on purpose: call it outside a transaction, in a thread.

    Raises:
        AccountError: shorter than 10 or longer than 256 characters.
    """
    if not SHORTEST <= len(password) <= _LONGEST:
        raise AccountError(f"a password has {SHORTEST} to {_LONGEST} characters")
    return _HASHER.hash(password)


def matches(user: User | None, password: str) -> bool:
    """Tell whether the password is right; takes as long for an unknown login. Slow: call it in a thread."""
    known = user is not None and user.active and bool(user.password_hash)
    try:
        _HASHER.verify(user.password_hash if user is not None and known else _NOBODY, password[:_LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return known


def locked(user: User | None, *, now: datetime) -> bool:
    """Tell whether the account rests after too many wrong passwords."""
    return user is not None and user.locked_until is not None and user.locked_until > now


def count_failure(tx: Tx, user_id: str, *, now: datetime) -> None:
    """Count a wrong password; the fifth in a row locks the account for five minutes."""
    user = tx.get_one(User, user_id)
    user.failures += 1
    if user.failures >= _TRIES:
        user.failures = 0
        user.locked_until = now + _LOCK
