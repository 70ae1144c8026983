"""The patient's form: link, pages, review, sending."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlmodel import select

from callflow import inbox
from callflow.inbox import Contact, open_card
from callflow.links import attachment, thread
from callflow.links import form as submitted
from callflow.links import link as links
from callflow.store import Card, Link, Submission, Tx
from callflow.web import visit as visits
from callflow.web import words
from callflow.web.forms import reading, refusal
from callflow.web.forms.answers import judge
from callflow.web.forms.external import signed
from callflow.web.forms.files import MOST_BYTES
from callflow.web.forms.form import Page, pages, stop
from callflow.web.house import House
from callflow.web.staff import HouseDep, go
from callflow.web.uploads import keep_files
from callflow.web.visit import (
    CONCERN,
    SEEN,
    STOPPED,
    GoneError,
    GuardedVisitDep,
    LinkedDep,
    Visit,
    VisitDep,
    show,
)

router = APIRouter(include_in_schema=False)
# Every opening of a link takes this long, so that time does not tell a used token from an unknown one.
OPENING_S = 0.05


@router.get("/f/{token}")
async def open_link(house: HouseDep, token: str) -> Response:
    """Exchange the token for a cookie, so that it leaves the address bar; using nothing up."""
    now = house.clock()
    ready = asyncio.get_running_loop().time() + OPENING_S

    def work(tx: Tx) -> Link | None:
        link = links.by_token(tx, token, now=now)
        if link is not None:
            links.opened(tx, link.id, now=now)
        return link

    link = await house.store.write(work)
    elsewhere = await _elsewhere(house, link) if link else ""
    await asyncio.sleep(max(ready - asyncio.get_running_loop().time(), 0))
    if link is None:
        raise GoneError
    answer = go(elsewhere or visits.PATH)
    visits.begin(answer, link, house)
    return answer


async def _elsewhere(house: House, link: Link) -> str:
    """Return where a link leads that opens no form of ours: its thread, or the practice's external form."""
    if await house.store.read(lambda tx: thread.card_of(tx, link)):
        return "/form/thread"
    external = house.form_of(link.concern).url
    return signed(external, house.form_key, link) if external else ""


@router.get("/form")
async def first(request: Request, visit: VisitDep, lang: str = "") -> Response:
    """Go on where the patient stopped, or change the language."""
    answer = go(f"/form/{_resume(visit)}")
    if lang in visit.house.languages:
        answer = go(_back_to(request))
        answer.set_cookie(visits.LANGUAGE_COOKIE, lang, httponly=True, samesite="lax", path=visits.PATH)
    return answer


@router.get("/form/choose")
async def choose(request: Request, visit: VisitDep) -> Response:
    """Offer the reasons."""
    house, language = visit.house, visit.texts.language
    concerns = [(key, house.concern_label(key, language)) for key in house.concerns if key != "dringend"]
    return show(request, "choose.html", visit.texts, visit=visit, concerns=concerns)


@router.post("/form/choose")
async def chosen(visit: GuardedVisitDep, concern: Annotated[str, Form()]) -> Response:
    """Take another reason; answers that the new form asks too are kept."""
    if concern in visit.house.concerns:
        await _keep(visit, dict(visit.kept) | {CONCERN: concern})
    return go("/form/page/1")


@router.get("/form/page/{number}")
async def page(request: Request, visit: VisitDep, number: int) -> Response:
    """Show one page of questions."""
    found = _page(visit, number)
    if found is None:
        return go("/form/review")
    return await _show(request, visit, number, found, refusal.of(visit.kept, found.name))


@router.post("/form/page/{number}")
async def answer(request: Request, visit: GuardedVisitDep, number: int) -> Response:
    """Judge one page; keep what was typed even if it is not right yet.

    What was wrong is kept too and shown by the page itself: an answer to POST would stand in the browser's
    way back, which then asks whether to send the form again.
    """
    found = _page(visit, number)
    if found is None:
        return go("/form/review")
    sent = await request.form()
    given = {name: [value for value in sent.getlist(name) if isinstance(value, str)] for name in sent}
    judged = judge(found.questions, given, words.local(visit.now).date())
    faults = dict(judged.faults) | await keep_files(visit, found.questions, sent)
    judged = replace(judged, faults=faults)
    kept = (
        dict(visit.kept)
        | {refusal.WRONG: ""}
        | dict.fromkeys(judged.answers, "")
        | reading.pack(judged.answers)
    )
    reason = stop(found.questions, judged.answers)
    if reason:
        await _alarm(visit, found, kept)
        return go(f"/form/stop/{reason}?page={number}")
    kept[SEEN] = " ".join(sorted({*visit.seen, found.name}))
    if judged.faults:
        kept[refusal.WRONG] = refusal.packed(found.name, given, judged.faults)
    await _keep(visit, {name: text for name, text in kept.items() if text})
    if judged.faults:
        return go(f"/form/page/{number}")
    now_asked = pages(visit.form, reading.unpack(visit.form, kept))[number - 1].questions
    # An answer may lead to further questions of the same page: these come before the next one.
    return go(f"/form/page/{number if set(now_asked) - set(found.questions) else number + 1}")


@router.post("/form/page/{number}/drop/{file}")
async def drop(visit: GuardedVisitDep, number: int, file: str) -> Response:
    """Forget an attached file."""
    await visit.house.store.write(lambda tx: attachment.drop(tx, visit.link.id, file))
    return go(f"/form/page/{number}")


@router.get("/form/stop/{reason}")
async def stopped(
    request: Request, visit: VisitDep, reason: Literal["emergency", "call"], page: int = 1
) -> Response:
    """Advise to call 112, or the practice, instead of writing."""
    return show(request, "stop.html", visit.texts, visit=visit, reason=reason, back=page)


@router.get("/form/review")
async def review(request: Request, visit: VisitDep) -> Response:
    """Show all answers before they are sent."""
    missing = _unfinished(visit)
    if missing:
        return go(f"/form/page/{missing}")
    files = await visit.house.store.read(lambda tx: attachment.of_link(tx, visit.link.id))
    names = ", ".join(file.name for file in files)
    every = enumerate(pages(visit.form, visit.answers), 1)
    answers = [(number, _said(visit, found, names)) for number, found in every]
    return show(request, "review.html", visit.texts, visit=visit, answers=answers, last=len(answers))


@router.post("/form/send")
async def send(visit: GuardedVisitDep) -> Response:
    """Send the form: once."""
    missing = _unfinished(visit)
    if missing:
        return go(f"/form/page/{missing}")
    sent = _submission(visit)
    urgency = sent.urgency or visit.link.urgency
    due = visit.house.due(visit.concern, urgency, visit.now)
    try:
        await visit.house.store.write(
            lambda tx: submitted.submit(tx, visit.link.id, sent, now=visit.now, due=due)
        )
    except links.LinkClosedError:
        return go("/form/done")
    return go("/form/done")


@router.get("/form/done")
async def done(request: Request, house: HouseDep, found: LinkedDep) -> Response:
    """Say that the request has arrived and until when it is answered."""
    link = found.link
    if link.submitted_at is None:
        raise GoneError
    texts = visits.texts_for(request, house, link)
    card = await house.store.read(lambda tx: _card_of(tx, link))
    return show(request, "done.html", texts, due=words.promise(texts, card.due_at, house.clock()))


def _card_of(tx: Tx, link: Link) -> Card:
    made = tx.exec(select(Submission).where(Submission.link_id == link.id)).one()
    return inbox.find(tx, made.card_id)


def _said(visit: Visit, found: Page, files: str) -> list[tuple[str, str]]:
    answers = visit.answers | {
        name: files for name, asked in found.questions.items() if asked.kind == "files"
    }
    return reading.readable_page(visit.house.forms, found.questions, answers, visit.texts.language)


def _page(visit: Visit, number: int) -> Page | None:
    every = pages(visit.form, visit.answers)
    return every[number - 1] if 1 <= number <= len(every) else None


async def _show(
    request: Request, visit: Visit, number: int, found: Page, refused: refusal.Refusal
) -> Response:
    files = await visit.house.store.read(lambda tx: attachment.of_link(tx, visit.link.id))
    return show(
        request,
        "page.html",
        visit.texts,
        visit=visit,
        number=number,
        of=len(pages(visit.form, visit.answers)) + 1,
        found=found,
        answers=visit.answers,
        faults={
            name: visit.texts(fault.text, **dict(fault.values)) for name, fault in refused.faults.items()
        },
        given=refused.given,
        files=files,
        with_files=any(question.kind == "files" for question in found.questions.values()),
        most_mb=MOST_BYTES // 1024**2,
        reason=visit.house.concern_label(visit.concern, visit.texts.language),
    )


def _resume(visit: Visit) -> str:
    if visit.concern not in visit.house.concerns:
        return "choose"
    missing = _unfinished(visit)
    return f"page/{missing}" if missing else "review"


def _unfinished(visit: Visit) -> int:
    """Return the number of the first page that was not passed or lacks an answer, 0 when there is none."""
    today = words.local(visit.now).date()
    for number, found in enumerate(pages(visit.form, visit.answers), 1):
        given = reading.as_given(found.questions, visit.answers)
        if found.name not in visit.seen or judge(found.questions, given, today).faults:
            return number
    return 0


async def _keep(visit: Visit, kept: dict[str, str]) -> None:
    try:
        await visit.house.store.write(lambda tx: links.keep_draft(tx, visit.link.id, kept, now=visit.now))
    except links.LinkClosedError as error:
        raise GoneError from error


async def _alarm(visit: Visit, found: Page, kept: dict[str, str]) -> None:
    """Put an urgent card into the inbox, once a link, whatever becomes of the form."""
    if STOPPED in kept:
        return
    answers = reading.unpack(visit.form, kept)
    said = reading.readable_page(visit.house.forms, found.questions, answers, "de")
    text = "\n".join(f"{asked}: {answered}" for asked, answered in said)
    contact = Contact(
        kind="form",
        concern=visit.concern,
        urgency="urgent",
        number=visit.link.number,
        text=text,
        language=visit.texts.language,
        call_id=visit.link.call_id,
        link_id=visit.link.id,
    )
    due = visit.house.due(visit.concern, "urgent", visit.now)

    def work(tx: Tx) -> None:
        open_card(tx, contact, now=visit.now, due=due)
        # What was ticked stays out of the draft, so that a mistake is not repeated by going on.
        links.keep_draft(tx, visit.link.id, dict(visit.kept) | {STOPPED: "1"}, now=visit.now)

    await visit.house.store.write(work)


def _submission(visit: Visit) -> submitted.Form:
    form, kept = visit.form, visit.kept
    asked = {name for found in pages(form, visit.answers) for name in found.questions}
    answers = {name: text for name, text in kept.items() if name in asked}
    lines = reading.readable(visit.house.forms, form, answers, "de")
    return submitted.Form(
        answers=answers,
        text="\n".join(f"{question}: {answered}" for question, answered in lines),
        name=answers.get("name", ""),
        concern=visit.concern,
        number=answers.get("telefon", ""),
        language=visit.texts.language,
        consent=answers.get("einwilligung", ""),
    )


def _back_to(request: Request) -> str:
    came = request.query_params.get("back", "")
    return came if came.startswith("/form/") and came.isascii() and came.isprintable() else "/form"
