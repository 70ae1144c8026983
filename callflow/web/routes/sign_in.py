"""Signing in and out, the one-time password link, and the language of the staff's pages."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from callflow.store import Tx, User
from callflow.users import account, invitation
from callflow.users import session as sessions
from callflow.users.account import AccountError
from callflow.web import pages
from callflow.web.catalogue import STAFF_LANGUAGES
from callflow.web.house import House
from callflow.web.staff import (
    COOKIE,
    GuardedDep,
    HouseDep,
    end_session,
    go,
    remember_language,
    start_session,
    texts_for,
)
from callflow.web.throttle import Throttle

router = APIRouter(include_in_schema=False)
HOME = "/inbox"
_WINDOW_S = 300.0
# A practice shares one address, so an address may try more often than a name.
_TRIES_OF_ADDRESS, _TRIES_OF_NAME = 30, 5


class SignInLimits:
    """Limits on sign-in attempts; unknown names are limited alike, so that none can be found out."""

    def __init__(self) -> None:
        self._addresses = Throttle(_TRIES_OF_ADDRESS, _WINDOW_S)
        self._names = Throttle(_TRIES_OF_NAME, _WINDOW_S)

    def wait(self, address: str, name: str, now: float) -> float:
        """Return the seconds until this address may try this name again; 0 when it may now."""
        return max(self._addresses.wait(address, now), self._names.wait(name.casefold(), now))

    def count(self, address: str, name: str, now: float) -> None:
        """Remember an attempt."""
        self._addresses.count(address, now)
        self._names.count(name.casefold(), now)

    def forget(self, address: str, name: str) -> None:
        """Forget the attempts that ended well."""
        self._addresses.forget(address)
        self._names.forget(name.casefold())


@router.get("/sign-in")
async def form(request: Request, house: HouseDep, said: str = "", onward: str = HOME) -> Response:
    """Show the sign-in form."""
    texts = texts_for(request)
    known = said if said in {"expired", "out", "ready"} else ""
    words = texts(f"sign_in.{known}") if known else ""
    return _form_page(
        request, house, words=words, tone="good" if known != "expired" else "soon", onward=onward
    )


@router.post("/sign-in")
async def sign_in(
    request: Request,
    house: HouseDep,
    login: Annotated[str, Form(max_length=80)] = "",
    password: Annotated[str, Form(max_length=256)] = "",
    onward: Annotated[str, Form(max_length=200)] = HOME,
) -> Response:
    """Check name and password; both faults are answered alike and in the same time."""
    now = house.clock()
    address = request.client.host if request.client else ""
    limits: SignInLimits = request.app.state.sign_in_limits
    user = await house.store.read(lambda tx: account.find(tx, login))
    wait = max(limits.wait(address, login, now.timestamp()), _rest(user, now))
    if wait:
        words = texts_for(request)("sign_in.wait", seconds=int(wait) + 1)
        return _form_page(request, house, words=words, login=login, onward=onward, status=429)
    limits.count(address, login, now.timestamp())
    if not await asyncio.to_thread(account.matches, user, password) or user is None:
        if user is not None:
            failed = user.id
            await house.store.write(lambda tx: account.count_failure(tx, failed, now=now))
        words = texts_for(request)("sign_in.wrong")
        return _form_page(request, house, words=words, login=login, onward=onward, status=401)
    limits.forget(address, login)
    token, _ = await house.store.write(lambda tx: sessions.sign_in(tx, user.id, now=now))
    answer = go(_ours(onward))
    start_session(answer, token, house)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, _staff: GuardedDep, house: HouseDep) -> Response:
    """End the session."""
    token = request.cookies[COOKIE]
    await house.store.write(lambda tx: sessions.sign_out(tx, token))
    answer = go("/sign-in?said=out")
    end_session(answer)
    return answer


@router.post("/language")
async def language(
    _staff: GuardedDep,
    house: HouseDep,
    language: Annotated[str, Form()],
    back: Annotated[str, Form(max_length=200)] = HOME,
) -> Response:
    """Change the language of this browser."""
    answer = go(_ours(back))
    if language in STAFF_LANGUAGES:
        remember_language(answer, language, house)
    return answer


@router.get("/set-password/{token}")
async def password_form(request: Request, house: HouseDep, token: str) -> Response:
    """Show the form behind a one-time link; showing it uses nothing up."""
    return await _password_page(request, house, token)


@router.post("/set-password/{token}")
async def set_password(
    request: Request,
    house: HouseDep,
    token: str,
    password: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Set the password and use the link up."""
    if password != again:
        return await _password_page(request, house, token, "differs")
    try:
        hashed = await asyncio.to_thread(account.hash_password, password)
    except AccountError:
        return await _password_page(
            request, house, token, "short" if len(password) < account.SHORTEST else "long"
        )
    now = house.clock()
    user = await house.store.write(lambda tx: invitation.accept(tx, token, hashed, now=now))
    return go("/sign-in?said=ready") if user else await _password_page(request, house, token)


async def _password_page(request: Request, house: House, token: str, fault: str = "") -> Response:
    now = house.clock()

    def invited(tx: Tx) -> User | None:
        return invitation.invited(tx, token, now=now)

    user = await house.store.read(invited)
    texts = texts_for(request)
    return pages.page(
        "password.html",
        texts,
        404 if user is None else 422 if fault else 200,
        face=house.face,
        login=user.login if user else "",
        fault=texts(f"password.{fault}") if fault else "",
    )


def _form_page(  # noqa: PLR0913  what the page says
    request: Request,
    house: House,
    *,
    words: str,
    tone: str = "urgent",
    login: str = "",
    onward: str = HOME,
    status: int = 200,
) -> Response:
    return pages.page(
        "sign_in.html",
        texts_for(request),
        status,
        face=house.face,
        said=words,
        tone=tone,
        login=login,
        onward=_ours(onward),
    )


def _rest(user: User | None, now: datetime) -> float:
    if user is None or user.locked_until is None:
        return 0.0
    return max((user.locked_until - now).total_seconds(), 0.0)


def _ours(address: str) -> str:
    """Return the address if it is a path of ours, so that nobody is sent elsewhere after signing in."""
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if plain and address.isprintable() else HOME
