"""A patient's visit: the cookie that stands for the link, the page's language, and the guard on posts."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, Response

from callflow.links import link as links
from callflow.links import thread
from callflow.store import Card, Link, Tx
from callflow.web import pages
from callflow.web.catalogue import PATIENT_LANGUAGES, Texts, preferred
from callflow.web.forms.form import Answer, Form
from callflow.web.forms.reading import unpack
from callflow.web.house import House
from callflow.web.staff import HouseDep, house_of

COOKIE = "rufweiche_form"
LANGUAGE_COOKIE = "rufweiche_form_language"
PATH = "/form"
CONCERN = "@concern"
STOPPED = "@stopped"
SEEN = "@seen"
_HANDLE_DIGITS = 20


class GoneError(Exception):
    """The link opens nothing: unknown, expired or used; the three are never told apart."""


class StaleError(Exception):
    """A page that belongs to another link, or was forged."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A patient with a link that still takes a form.

    Args:
        link: the link's row.
        texts: the catalogue in the patient's language.
        house: the house.
        now: aware time of the request.
    """

    link: Link
    texts: Texts
    house: House
    now: datetime

    @property
    def kept(self) -> Mapping[str, str]:
        """Return what was filled in so far, as kept."""
        return links.draft(self.link)

    @property
    def concern(self) -> str:
        """Return the reason: the one chosen here, else the call's."""
        return self.kept.get(CONCERN, self.link.concern)

    @property
    def seen(self) -> frozenset[str]:
        """Return the names of the pages that were answered, be it with nothing."""
        return frozenset(self.kept.get(SEEN, "").split())

    @property
    def form(self) -> Form:
        """Return the form of the reason."""
        return self.house.form_of(self.concern)

    @property
    def answers(self) -> dict[str, Answer]:
        """Return the answers so far."""
        return unpack(self.form, self.kept)

    @property
    def handle(self) -> str:
        """Return what every post of this visit must carry."""
        return handle(self.house, self.link)

    def say(self, german: str) -> str:
        """Return a text of the form in the patient's language."""
        return self.house.forms.text(german, self.texts.language)


def handle(house: House, link: Link) -> str:
    """Return what posts about a link must carry: it proves that they come from the right page of ours."""
    return house.store.sealer.blind(f"form|{link.id}")[:_HANDLE_DIGITS]


async def check_handle(request: Request, expected: str) -> None:
    """Check what a post carries.

    Raises:
        StaleError: the page belongs to another link, or to another site.
    """
    given = (await request.form()).get("handle", "")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise StaleError


def language_of(request: Request, house: House, link: Link | None = None) -> str:
    """Return the page's language: chosen here, else spoken in the call, else the phone's, else German."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in house.languages:
        return chosen
    spoken = link.language if link else ""
    if spoken in house.languages and spoken != house.languages[0]:
        return spoken
    return preferred(request.headers.get("accept-language", ""), house.languages, house.languages[0])


def texts_for(request: Request, house: House, link: Link | None = None) -> Texts:
    """Return the patients' texts for this request."""
    return pages.form_texts()[language_of(request, house, link)]


@dataclass(frozen=True, slots=True)
class Linked:
    """What the cookie stands for.

    Args:
        link: the link, used ones too.
        thread: the card whose thread the link opens, None for a form.
    """

    link: Link
    thread: Card | None


async def linked(request: Request, house: HouseDep) -> Linked:
    """Return what the cookie stands for.

    Raises:
        GoneError: there is no cookie, or a forged one.
    """
    cookie = request.cookies.get(COOKIE, "")

    def find(tx: Tx) -> Linked | None:
        link = links.by_visit(tx, house.store.sealer, cookie)
        return Linked(link, thread.card_of(tx, link)) if link else None

    found = await house.store.read(find) if cookie else None
    if found is None:
        raise GoneError
    return found


LinkedDep = Annotated[Linked, Depends(linked)]


async def visit(request: Request, house: HouseDep, found: LinkedDep) -> Visit:
    """Return the visit.

    Raises:
        GoneError: the link takes no form any more, or opens a thread.
    """
    link, now = found.link, house.clock()
    if found.thread is not None or not links.usable(link, now=now):
        raise GoneError
    return Visit(link, texts_for(request, house, link), house, now)


VisitDep = Annotated[Visit, Depends(visit)]


async def guarded(request: Request, found: VisitDep) -> AsyncIterator[Visit]:
    """Give the visit, for a request that changes something; what was uploaded is forgotten afterwards.

    Raises:
        StaleError: the page belongs to another link, or to another site.
    """
    try:
        await check_handle(request, found.handle)
        yield found
    finally:
        await request.close()


GuardedVisitDep = Annotated[Visit, Depends(guarded)]


def show(request: Request, template: str, texts: Texts, status: int = 200, **values: object) -> HTMLResponse:
    """Render a patient page with its frame."""
    house = house_of(request)
    offered = {code: name for code, name in PATIENT_LANGUAGES.items() if code in house.languages}
    return pages.page(
        template, texts, status, face=house.face, languages=offered, path=request.url.path, **values
    )


def begin(response: Response, link: Link, house: House) -> None:
    """Hand the phone the cookie that stands for the link.

    SameSite is Lax, since the way here may begin in another site (web mail, a messenger's browser).
    """
    response.set_cookie(
        COOKIE,
        links.visit(house.store.sealer, link),
        max_age=int((link.expires_at - house.clock()).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=house.https,
        path=PATH,
    )
