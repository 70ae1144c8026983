"""Who is signed in: the session cookie, the guard against forged requests, and every staff page's frame."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Form, Header, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from callflow.store import User, WebSession
from callflow.users import session as sessions
from callflow.web import pages
from callflow.web.catalogue import STAFF_LANGUAGES, Texts
from callflow.web.house import House

COOKIE = "rufweiche_session"
LANGUAGE_COOKIE = "rufweiche_language"
_LANGUAGE_SECONDS = 365 * 24 * 3600


class NotSignedInError(Exception):
    """The page needs somebody signed in."""


class ForbiddenError(Exception):
    """The signed-in person may not do this."""


class ForgedError(Exception):
    """A changing request without the session's token: an old page, or another site's."""


def house_of(request: Request) -> House:
    """Return the house that the application was made for."""
    return cast("House", request.app.state.house)


HouseDep = Annotated[House, Depends(house_of)]


@dataclass(frozen=True, slots=True)
class Staff:
    """The signed-in person on this request.

    Args:
        user: the account.
        session: the browser's session.
        texts: the catalogue in the person's language.
    """

    user: User
    session: WebSession
    texts: Texts

    @property
    def admin(self) -> bool:
        """Say whether the person manages the house."""
        return self.user.role == "admin"


def texts_for(request: Request, user: User | None = None) -> Texts:
    """Return the staff texts in the language chosen in this browser, else the person's own, else German."""
    wishes = (request.cookies.get(LANGUAGE_COOKIE, ""), user.language if user else "")
    return pages.staff_texts()[next((wish for wish in wishes if wish in STAFF_LANGUAGES), "de")]


async def signed_in(request: Request, house: HouseDep) -> Staff:
    """Return who is signed in.

    Raises:
        NotSignedInError: nobody is, or not any more.
    """
    now = house.clock()
    token = request.cookies.get(COOKIE, "")
    found = await house.store.read(lambda tx: sessions.signed_in(tx, token, now=now)) if token else None
    if found is None:
        raise NotSignedInError
    user, session = found
    # A window left open refreshes itself; only what a person does keeps the session alive.
    if "x-live" not in request.headers and sessions.needs_touch(session, now=now):
        await house.store.write(lambda tx: sessions.touch(tx, session.id, now=now))
    return Staff(user, session, texts_for(request, user))


StaffDep = Annotated[Staff, Depends(signed_in)]


async def guarded(
    staff: StaffDep,
    csrf: Annotated[str, Form()] = "",
    x_csrf_token: Annotated[str, Header()] = "",
) -> Staff:
    """Return who is signed in, for a request that changes something.

    Raises:
        ForgedError: the session's token is missing or wrong (OWASP: synchronizer token).
    """
    if not hmac.compare_digest((csrf or x_csrf_token).encode(), staff.session.csrf.encode()):
        raise ForgedError
    return staff


GuardedDep = Annotated[Staff, Depends(guarded)]


def admin_only(staff: StaffDep) -> Staff:
    """Return the signed-in person if it manages the house.

    Raises:
        ForbiddenError: it does not.
    """
    if not staff.admin:
        raise ForbiddenError
    return staff


def guarded_admin(staff: GuardedDep) -> Staff:
    """Return the managing person, for a request that changes something.

    Raises:
        ForbiddenError: the person does not manage the house.
    """
    return admin_only(staff)


AdminDep = Annotated[Staff, Depends(admin_only)]
GuardedAdminDep = Annotated[Staff, Depends(guarded_admin)]


def show(request: Request, template: str, staff: Staff, status: int = 200, **values: object) -> HTMLResponse:
    """Render a staff page with its frame."""
    house = house_of(request)
    return pages.page(
        template,
        staff.texts,
        status,
        staff=staff,
        face=house.face,
        demo=house.demo,
        line_up=house.reachable,
        path=request.url.path,
        languages=STAFF_LANGUAGES,
        **values,
    )


def start_session(response: Response, token: str, house: House) -> None:
    """Hand the browser its session cookie."""
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=house.https, path="/")


def end_session(response: Response) -> None:
    """Take the session cookie back."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", path="/")


def remember_language(response: Response, language: str, house: House) -> None:
    """Keep the chosen language in the browser."""
    response.set_cookie(
        LANGUAGE_COOKIE,
        language,
        max_age=_LANGUAGE_SECONDS,
        samesite="lax",
        secure=house.https,
        httponly=True,
    )


def go(address: str) -> RedirectResponse:
    """Answer a finished POST: fetch that page next."""
    return RedirectResponse(address, 303)


def present(request: Request) -> datetime:
    """Return the house's present time."""
    return house_of(request).clock()
