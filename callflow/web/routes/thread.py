"""The thread as a patient sees it: date of birth first, then messages and a reply."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from callflow.links import link as links
from callflow.links import thread
from callflow.links.thread import Reply
from callflow.sealing import SealError
from callflow.store import Card, Link, Tx
from callflow.web import visit as visits
from callflow.web import words
from callflow.web.catalogue import Texts
from callflow.web.forms.answers import judge
from callflow.web.forms.question import Question
from callflow.web.house import BIRTH, House
from callflow.web.staff import HouseDep, go
from callflow.web.visit import GoneError, LinkedDep, show

router = APIRouter(prefix="/form/thread", include_in_schema=False)
COOKIE = "rufweiche_thread"
_PLACE = b"cookie|thread"
_KNOWN_S = 1800
_MOST = 2000
_BORN = Question(kind="date", ask="-")
_SAID = Question(kind="long", ask="-", max=_MOST)


@dataclass(frozen=True, slots=True)
class Talk:
    """A patient with a link to a thread.

    Args:
        link: the link.
        card: the card that the thread hangs on.
        texts: the catalogue.
        house: the house.
        now: aware time of the request.
        known: the date of birth was given in this browser.
    """

    link: Link
    card: Card
    texts: Texts
    house: House
    now: datetime
    known: bool

    @property
    def handle(self) -> str:
        """Return what every post must carry."""
        return visits.handle(self.house, self.link)


async def talk(request: Request, house: HouseDep, found: LinkedDep) -> Talk:
    """Return the talk.

    Raises:
        GoneError: the link opens no thread, has expired, or the date of birth was tried too often.
    """
    now = house.clock()
    if found.thread is None or not links.usable(found.link, now=now) or not thread.tries_left(found.link):
        raise GoneError
    texts = visits.texts_for(request, house, found.link)
    return Talk(found.link, found.thread, texts, house, now, _known(request, house, found.link))


TalkDep = Annotated[Talk, Depends(talk)]


async def guarded(request: Request, found: TalkDep) -> AsyncIterator[Talk]:
    """Give the talk, for a request that changes something."""
    try:
        await visits.check_handle(request, found.handle)
        yield found
    finally:
        await request.close()


GuardedTalkDep = Annotated[Talk, Depends(guarded)]


@router.get("")
async def messages(request: Request, talk: TalkDep) -> Response:
    """Show the thread, or ask for the date of birth."""
    return await _thread(request, talk) if talk.known else _door(request, talk)


@router.post("/known")
async def known(request: Request, talk: GuardedTalkDep) -> Response:
    """Check the date of birth; a few wrong ones end the link."""
    given = await _given(request)
    judged = judge({BIRTH: _BORN}, given, words.local(talk.now).date())
    if judged.faults:
        return _door(request, talk, "fault.date", given)
    born = await talk.house.store.read(lambda tx: thread.birth_date(tx, talk.card, BIRTH))
    if not born or judged.answers[BIRTH] != born:
        await talk.house.store.write(lambda tx: thread.count_try(tx, talk.link.id, now=talk.now))
        if thread.tries_left(talk.link) == 1:  # that was it: the link is as dead now as an expired one
            raise GoneError
        return _door(request, talk, "thread.wrong")
    await talk.house.store.write(lambda tx: thread.read(tx, talk.link.id, now=talk.now))
    answer = go("/form/thread")
    seal = talk.house.store.sealer.seal(talk.link.id.encode(), _PLACE)
    answer.set_cookie(
        COOKIE,
        urlsafe_b64encode(seal).decode(),
        max_age=_KNOWN_S,
        httponly=True,
        samesite="lax",
        secure=talk.house.https,
        path="/form/thread",
    )
    return answer


@router.post("")
async def reply(request: Request, talk: GuardedTalkDep) -> Response:
    """Take the patient's words."""
    if not talk.known:
        return go("/form/thread")
    given = await _given(request)
    judged = judge({"text": _SAID}, given, words.local(talk.now).date())
    text = str(judged.answers["text"])
    if judged.faults:
        return await _thread(request, talk, fault=judged.faults["text"].text, typed=text)
    due = talk.house.due(talk.card.concern, "routine", talk.now)
    said = Reply(text, due, talk.texts.language)

    def work(tx: Tx) -> None:
        thread.reply(tx, talk.link.id, tx.get_one(Card, talk.card.id), said, now=talk.now)

    await talk.house.store.write(work)
    return go("/form/thread?sent=1")


def _known(request: Request, house: House, link: Link) -> bool:
    try:
        cookie = urlsafe_b64decode(request.cookies.get(COOKIE, "").encode())
        return house.store.sealer.unseal(cookie, _PLACE).decode() == link.id
    except (SealError, Base64Error, ValueError):
        return False


async def _given(request: Request) -> dict[str, list[str]]:
    sent = await request.form()
    return {name: [part for part in sent.getlist(name) if isinstance(part, str)] for name in sent}


def _door(
    request: Request, talk: Talk, fault: str = "", given: dict[str, list[str]] | None = None
) -> Response:
    return show(
        request,
        "thread_door.html",
        talk.texts,
        422 if fault else 200,
        visit=talk,
        fault=talk.texts(fault) if fault else "",
        given=given or {},
    )


async def _thread(request: Request, talk: Talk, *, fault: str = "", typed: str = "") -> Response:
    said = await talk.house.store.read(lambda tx: thread.messages(tx, talk.card.id))
    shown = [
        (
            each.direction == "from_patient",
            each.text,
            talk.texts("thread.at", date=words.day(words.local(each.at)), time=words.clock(each.at)),
        )
        for each in said
    ]
    due = words.promise(talk.texts, talk.card.due_at, talk.now)
    return show(
        request,
        "thread.html",
        talk.texts,
        422 if fault else 200,
        visit=talk,
        messages=shown,
        sent="sent" in request.query_params,
        due=due,
        most=_MOST,
        fault=talk.texts(fault, max=_MOST) if fault else "",
        typed=typed,
    )
