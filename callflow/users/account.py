"""Staff accounts and their passwords."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import col, select

from callflow import numbers
from callflow.store import Tx, User

Role = Literal["staff", "admin"]
SHORTEST = 10
_EXTENSION = re.compile(r"[0-9*#]{1,8}")
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


def own_device(typed: str) -> str:
    """Return a person's own telephone as it is dialled: an extension as it is, else E.164; "" for none.

    Raises:
        AccountError: neither; emergency and service numbers are nobody's telephone.
    """
    text = typed.strip()
    number = numbers.e164(text)
    if number and numbers.diallable(number):
        return number
    # 112 looks like an extension, and 0112 dials it over an outside line.
    if text and (not _EXTENSION.fullmatch(text) or text.lstrip("0") in numbers.NEVER_DIALLED):
        raise AccountError("an extension of at most 8 digits, or a full telephone number")
    return text


@dataclass(frozen=True, slots=True)
class Person:
    """What may change about a member of the team; see `callflow.store.User`.

    Args:
        device: as given back by `own_device`.
    """

    name: str
    role: Role = "staff"
    language: str = "de"
    device: str = ""


def change(tx: Tx, user_id: str, person: Person) -> None:
    """Change what is known of a person.

    Raises:
        AccountError: no name, or nobody would manage the house any more.
    """
    if not person.name.strip():
        raise AccountError("a name is needed")
    user = tx.get_one(User, user_id)
    if user.role == "admin" and person.role != "admin" and not _other_admin(tx, user_id):
        raise AccountError("somebody must manage the house")
    user.name = person.name.strip()
    user.role = person.role
    user.language = person.language
    user.device = person.device


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


def _other_admin(tx: Tx, user_id: str) -> bool:
    others = select(User).where(User.role == "admin", col(User.active), User.id != user_id)
    return tx.exec(others).first() is not None
