"""The inbox: the queue, the opened card, and the deeds done on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Header, Query, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from callflow import inbox
from callflow.inbox import (
    CardClosedError,
    CardHeldError,
    CardNotDiallableError,
    CardRingingError,
    CardUnknownError,
    InboxError,
)
from callflow.links import thread
from callflow.links.thread import Answer
from callflow.outbox import segments
from callflow.outbox import texts as sms_texts
from callflow.outbox.queue import Sms, put_sms
from callflow.store import Card, Tx
from callflow.web import words
from callflow.web.cards import View
from callflow.web.desk import Looking, look, names
from callflow.web.house import BIRTH, House
from callflow.web.staff import GuardedDep, HouseDep, Staff, StaffDep, go, show

router = APIRouter(prefix="/inbox", include_in_schema=False)
FLASH = "rufweiche_said"
Searched = Annotated[str, Query(max_length=80)]
_LONGEST_NOTE = 2000
_SMS_VALID = timedelta(hours=4)
_LEAVING = frozenset({"release", "unreached", "close"})
_SAID = {
    "release": "released",
    "unreached": "unreached",
    "close": "closed",
    "note": "noted",
    "reopen": "reopened",
    "answer": "answered",
    "dial": "dial",
}


@dataclass(frozen=True, slots=True)
class Flash:
    """What just happened, said once; `tone` is a notice's style."""

    text: str
    tone: str = "good"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants done with a card."""

    card: str
    user: str
    now: datetime
    house: House
    outcome: str = ""
    text: str = ""


class WishError(ValueError):
    """A wish that misses something; holds the name of the text that says so."""


@router.get("")
async def queue(request: Request, staff: StaffDep, view: View = "open", q: Searched = "") -> Response:
    """Show the queue."""
    return await _page(request, staff, Looking(view, "", q.strip()), await _flash(request, staff))


@router.get("/live", response_class=EventSourceResponse)
async def live(
    request: Request,
    _staff: StaffDep,
    after: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[int | None, Header(ge=0)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Tell the window that the inbox changed; it fetches what it shows, with its own rights.

    `after` is the newest change in the page that the window began with: none falls between page and stream.
    """
    async for change in request.app.state.feed.follow(after if last_event_id is None else last_event_id):
        yield ServerSentEvent(event="inbox", id=str(change.number), raw_data=change.topic)


@router.get("/{card_id}")
async def card(
    request: Request, staff: StaffDep, card_id: str, view: View = "open", q: Searched = ""
) -> Response:
    """Show the queue with one card opened."""
    return await _page(request, staff, Looking(view, card_id, q.strip()), await _flash(request, staff))


@router.post("/next")
async def take_next(staff: GuardedDep, house: HouseDep) -> Response:
    """Give the person the next card that nobody holds."""
    now = house.clock()
    taken = await house.store.write(lambda tx: inbox.claim_next(tx, staff.user.id, now=now))
    return go(f"/inbox/{taken.id}?view=open" if taken else "/inbox?view=open")


@router.post("/{card_id}/dial")
async def dial(  # noqa: PLR0913  a form's fields
    request: Request,
    staff: GuardedDep,
    house: HouseDep,
    card_id: str,
    *,
    view: Annotated[View, Form()] = "open",
    q: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Ring the person's own telephone and then the patient's; the outcome comes into the card's history."""
    here = Looking(view, card_id, q)
    here = Looking(view, card_id, q)
    try:
        if house.desk_calls is None:
            raise CardNotDiallableError(card_id, "no line dials")
        await house.desk_calls.call(card_id, staff.user)
    except CardUnknownError:
        raise
    except InboxError as error:
        return await _refused(request, staff, here, error)
    return _done("dial", here)


@router.post("/{card_id}/{deed}")
async def work(  # noqa: PLR0913  a form's fields
    request: Request,
    staff: GuardedDep,
    house: HouseDep,
    card_id: str,
    deed: str,
    *,
    view: Annotated[View, Form()] = "open",
    outcome: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    q: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Do something with the card; what cannot be done is said on the card itself."""
    do = _DEEDS.get(deed)
    if do is None:
        raise CardUnknownError(card_id, "no such deed")
    here = Looking(view, card_id, q)
    wish = Wish(card_id, staff.user.id, house.clock(), house, outcome, text.strip()[:_LONGEST_NOTE])
    try:
        await house.store.write(lambda tx: do(tx, wish))
    except CardUnknownError:
        raise
    except (InboxError, WishError) as error:
        return await _refused(request, staff, here, error)
    return _done(deed, here)


async def _refused(request: Request, staff: Staff, here: Looking, error: Exception) -> Response:
    flash = Flash(await _refusal(request.app.state.house, staff, error), "urgent")
    page = await _page(request, staff, here, flash, status=409 if isinstance(error, InboxError) else 422)
    # The window goes on showing the card, not the address of what was refused.
    page.headers["HX-Push-Url"] = here.address
    return page


def _done(deed: str, here: Looking) -> Response:
    answer = go(replace(here, card="").address if deed in _LEAVING else here.address)
    if deed in _SAID:
        answer.set_cookie(
            FLASH, f"{deed}.{here.card}", max_age=20, httponly=True, samesite="strict", path="/inbox"
        )
    return answer


def _claim(tx: Tx, wish: Wish) -> Card:
    return inbox.claim(tx, wish.card, wish.user, now=wish.now)


def _take_over(tx: Tx, wish: Wish) -> Card:
    return inbox.take_over(tx, wish.card, wish.user, now=wish.now)


def _release(tx: Tx, wish: Wish) -> Card:
    return inbox.release(tx, wish.card, wish.user, now=wish.now)


def _unreached(tx: Tx, wish: Wish) -> Card:
    tries = inbox.find(tx, wish.card).attempts + 1
    back = wish.house.deadlines.comes_back(tries, wish.now)
    return inbox.attempt(tx, wish.card, wish.user, now=wish.now, back=back)


def _close(tx: Tx, wish: Wish) -> Card:
    if wish.outcome not in inbox.OUTCOMES:
        raise WishError("told.no_outcome")
    return inbox.close(tx, wish.card, wish.user, wish.outcome, now=wish.now)


def _note(tx: Tx, wish: Wish) -> Card:
    if not wish.text:
        raise WishError("told.empty_note")
    return inbox.note(tx, wish.card, wish.user, wish.text, now=wish.now)


def _reopen(tx: Tx, wish: Wish) -> Card:
    return inbox.reopen(tx, wish.card, wish.user, now=wish.now)


def _answer(tx: Tx, wish: Wish) -> Card:
    """Write to the patient: the text stays here, the SMS says only that there is one."""
    if not wish.text:
        raise WishError("told.empty_note")
    card = inbox.find(tx, wish.card)
    if not thread.birth_date(tx, card, BIRTH):
        raise WishError("told.no_birth")
    if wish.house.caps.objection(tx, card.number, now=wish.now):
        raise WishError("told.no_sms")
    said = Answer(wish.user, wish.text)
    token, link = thread.answer(tx, card, said, now=wish.now)
    url = wish.house.link(token)
    text = sms_texts.reply(card.language, wish.house.sms_name, url)
    sms = Sms(
        to=card.number,
        text=text,
        reference=url,
        purpose="reply",
        expires=wish.now + _SMS_VALID,
        link_id=link.id,
        card_id=card.id,
    )
    put_sms(tx, sms, now=wish.now, segments=segments.count(text).segments)
    return card


_DEEDS: Mapping[str, Callable[[Tx, Wish], Card]] = {
    "claim": _claim,
    "take-over": _take_over,
    "release": _release,
    "unreached": _unreached,
    "close": _close,
    "note": _note,
    "reopen": _reopen,
    "answer": _answer,
}


async def _page(
    request: Request, staff: Staff, here: Looking, flash: Flash | None, *, status: int = 200
) -> Response:
    desk = await look(request.app.state.house, staff, here)
    # Hundreds of rows take a while to write: the loop goes on answering calls meanwhile.
    page = await asyncio.to_thread(
        show,
        request,
        "inbox.html",
        staff,
        status,
        here=here,
        view=here.view,
        groups=desk.groups,
        counts=desk.counts,
        urgent=desk.urgent,
        card=desk.card,
        block=desk.block,
        newest=desk.newest,
        flash=flash,
        outcomes=inbox.OUTCOMES,
    )
    if FLASH in request.cookies and not _refreshing(request):
        page.delete_cookie(FLASH, path="/inbox", httponly=True, samesite="strict")
    return page


def _refreshing(request: Request) -> bool:
    return "x-live" in request.headers


async def _flash(request: Request, staff: Staff) -> Flash | None:
    """Return what the deed before this page has to say."""
    deed, _, card_id = request.cookies.get(FLASH, "").partition(".")
    if deed not in _SAID or _refreshing(request):
        return None
    house: House = request.app.state.house
    now = house.clock()
    when = await house.store.read(lambda tx: inbox.find(tx, card_id).back_at) if deed == "unreached" else None
    return Flash(staff.texts(f"told.{_SAID[deed]}", when=words.moment(staff.texts, when or now, now)))


async def _refusal(house: House, staff: Staff, error: Exception) -> str:
    if isinstance(error, WishError):
        return staff.texts(str(error))
    known = await house.store.read(names)
    if isinstance(error, CardHeldError):
        return staff.texts("told.taken", name=known.get(error.by, "?"))
    if isinstance(error, CardClosedError):
        closer = await house.store.read(lambda tx: inbox.find(tx, error.card).closed_by)
        return staff.texts("told.already_closed", name=known.get(closer, "?"))
    if isinstance(error, CardRingingError):
        return staff.texts("told.ringing")
    if isinstance(error, CardNotDiallableError):
        return staff.texts("told.not_diallable")
    return staff.texts("told.not_yours")
