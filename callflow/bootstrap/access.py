"""Access from the terminal: tokens for programs, password links for people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TypeVar

from callflow.bootstrap.first_run import database_path, folders
from callflow.sealing import Sealer, load_key
from callflow.settings import Settings
from callflow.store import Store, Tx
from callflow.users import account, api_token, invitation

Result = TypeVar("Result")
_NEW = (
    "In {data} ist noch keine Rezeption gelaufen, sie wird dort angelegt; sonst bitte --data prüfen.\n"
    "No reception has run in {data} yet, it is made there; otherwise check --data.\n"
)


def token(settings: Settings, name: str, scopes: Collection[str]) -> str:
    """Issue an API token; it is shown this once.

    Args:
        settings: the house's settings; the house may be running.
        name: who uses it.
        scopes: what it may do, of `callflow.users.api_token.SCOPES`; none means all of them.

    Raises:
        ValueError: a scope that does not exist.
    """
    wanted = tuple(scopes) or api_token.SCOPES
    return _written(
        settings, lambda tx: api_token.issue(tx, name=name, scopes=wanted, now=datetime.now(UTC))
    )[0]


def password_link(settings: Settings, login: str, name: str, role: account.Role) -> str:
    """Return a one-time link to set a password, for a new colleague or a forgotten one.

    Raises:
        callflow.users.account.AccountError: the login cannot be used.
    """

    def invited(tx: Tx) -> str:
        now = datetime.now(UTC)
        user = account.find(tx, login) or account.create(tx, login=login, name=name, role=role, now=now)
        return invitation.invite(tx, user.id, now=now)

    return f"http://{settings.http}/set-password/{_written(settings, invited)}"


def _written(settings: Settings, work: Callable[[Tx], Result]) -> Result:
    if not database_path(settings.data).exists():
        sys.stderr.write(_NEW.format(data=settings.data))
    folders(settings.data)
    store = Store(database_path(settings.data), Sealer(load_key(settings.data / "key")))
    try:
        return store.write_now(work)
    finally:
        store.close()
