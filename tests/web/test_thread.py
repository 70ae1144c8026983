"""The thread: an answer from the card, read after the date of birth, and a reply on the same card."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select

from callflow import inbox
from callflow.links import form as submitted
from callflow.links import link as links
from callflow.links.fallback import unused
from callflow.store import Card, Link, Tx
from callflow.web.app import create_app
from tests.support.practice import PATIENT, Practice
from tests.support.stores import Clock

ANSWER = "Ihr Rezept liegt bereit."
BORN = {"geburt.day": "14", "geburt.month": "3", "geburt.year": "1961"}


def submit(practice: Practice, born: str = "1961-03-14", number: str = PATIENT) -> Card:
    now = practice.clock()
    offer = links.Offer(number, "rezept", now + timedelta(hours=2), now + timedelta(hours=72))

    def work(tx: Tx) -> Card:
        _, link = links.create(tx, offer, now=now)
        answers = {"medikamente": "Ramipril"} | ({"geburt": born} if born else {})
        sent = submitted.Form(answers=answers, text="Ramipril", name="Thomas Lehmann")
        return submitted.submit(tx, link.id, sent, now=now, due=now + timedelta(hours=8))

    return practice.store.write_now(work)


async def answer(web: httpx.AsyncClient, practice: Practice, card: Card) -> httpx.Response:
    token, csrf = practice.session()
    web.cookies.set("rufweiche_session", token)
    return await web.post(f"/inbox/{card.id}/answer", data={"csrf": csrf, "text": ANSWER})


def sms_link(practice: Practice) -> str:
    (sms,) = [intent for intent in practice.intents() if intent.purpose == "reply"]
    assert ANSWER not in sms.body
    assert "Es gibt eine Antwort" in sms.body
    (path,) = re.findall(r"/f/\S+", sms.body)
    return path


def handle(page: httpx.Response) -> str:
    return re.findall(r'name="handle" value="([^"]+)"', page.text)[0]


async def door(web: httpx.AsyncClient, practice: Practice) -> httpx.Response:
    return await web.get(sms_link(practice), follow_redirects=True)


async def test_the_answer_is_read_after_the_date_of_birth_and_the_reply_lands_on_the_card(
    web: httpx.AsyncClient, practice: Practice, clock: Clock
) -> None:
    card = submit(practice)
    assert (await answer(web, practice, card)).status_code == 303
    clock.forward(minutes=5)
    page = await door(web, practice)
    assert ANSWER not in page.text
    page = await web.post("/form/thread/known", data=BORN | {"handle": handle(page)}, follow_redirects=True)
    assert ANSWER in page.text
    await web.post("/form/thread", data={"handle": handle(page), "text": "Danke, bis morgen."})
    said = practice.store.read_now(lambda tx: inbox.thread(tx, card.id))
    assert [(each.direction, each.text, each.read_at is not None) for each in said] == [
        ("to_patient", ANSWER, True),
        ("from_patient", "Danke, bis morgen.", False),
    ]
    (open_card,) = practice.store.read_now(lambda tx: inbox.queue(tx, now=practice.clock()))
    assert (open_card.id, open_card.contacts) == (card.id, 2)


async def test_a_reply_opens_a_closed_card_again(
    web: httpx.AsyncClient, practice: Practice, clock: Clock
) -> None:
    card = submit(practice)
    await answer(web, practice, card)
    anna = practice.users["anna"]
    practice.store.write_now(lambda tx: inbox.claim(tx, card.id, anna, now=clock()))
    practice.store.write_now(lambda tx: inbox.close(tx, card.id, anna, "done", now=clock()))
    page = await door(web, practice)
    page = await web.post("/form/thread/known", data=BORN | {"handle": handle(page)}, follow_redirects=True)
    await web.post("/form/thread", data={"handle": handle(page), "text": "Noch eine Frage"})
    (again,) = practice.store.read_now(lambda tx: inbox.queue(tx, now=clock()))
    assert (again.id, again.status) == (card.id, "open")
    assert again.due_at > clock()


async def test_five_wrong_dates_of_birth_end_the_link_even_for_the_right_one(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    await answer(web, practice, submit(practice))
    page = await door(web, practice)
    wrong = BORN | {"geburt.year": "1962", "handle": handle(page)}
    for _ in range(4):
        assert (await web.post("/form/thread/known", data=wrong)).status_code == 422
    for last in (wrong, wrong | BORN):
        ended = await web.post("/form/thread/known", data=last)
        assert (ended.status_code, "Dieser Link gilt nicht mehr" in ended.text) == (404, True)
    assert (await door(web, practice)).status_code == 404
    assert (await web.get(sms_link(practice))).status_code == 404  # as any dead link, without a redirect


async def test_a_thread_link_opens_no_form_and_shows_nothing_without_the_date_of_birth(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    await answer(web, practice, submit(practice))
    page = await door(web, practice)
    assert page.url.path == "/form/thread"
    assert (await web.get("/form/page/1")).status_code == 404
    assert (await web.post("/form/page/1", data={"handle": handle(page)})).status_code == 404
    await web.post("/form/thread", data={"handle": handle(page), "text": "ohne Ausweis"})
    (card,) = practice.store.read_now(lambda tx: inbox.queue(tx, now=practice.clock()))
    assert card.contacts == 1


@pytest.mark.parametrize(
    ("born", "number", "said"),
    [("", PATIENT, "Ohne Geburtsdatum"), ("1961-03-14", "+493512345678", "darf gerade keine SMS")],
)
async def test_no_answer_is_stored_that_nobody_could_read(
    web: httpx.AsyncClient, practice: Practice, born: str, number: str, said: str
) -> None:
    page = await answer(web, practice, submit(practice, born, number))
    assert page.status_code == 422
    assert said in page.text
    assert practice.intents() == []


async def test_an_answer_that_nobody_reads_comes_back_as_a_contact_and_one_that_was_read_does_not(
    web: httpx.AsyncClient, practice: Practice, clock: Clock
) -> None:
    card = submit(practice)
    await answer(web, practice, card)
    page = await door(web, practice)
    later = clock() + timedelta(hours=73)
    due = practice.house.deadlines

    def fall(tx: Tx) -> list[str]:
        return [each.id for each in unused(tx, now=later, deadlines=due)]

    def unread(tx: Tx) -> list[str]:
        found = fall(tx)
        for link in tx.exec(select(Link)):
            link.fallback = "waiting" if link.submitted_at is None else link.fallback
        return found

    assert practice.store.write_now(unread) == [card.id]
    await web.post("/form/thread/known", data=BORN | {"handle": handle(page)})
    assert practice.store.write_now(fall) == []


async def test_a_forged_or_foreign_cookie_shows_no_message(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    await answer(web, practice, submit(practice))
    await door(web, practice)
    for forged in ("", "x", "AAAA", "ä" * 30):
        web.cookies.set("rufweiche_thread", forged.encode().hex() if forged else "", path="/form/thread")
        assert ANSWER not in (await web.get("/form/thread")).text


async def test_links_lead_to_the_short_domain_where_the_practice_has_one(
    practice: Practice,
) -> None:
    practice.house = replace(practice.house, link_url="https://rz.example")
    transport = httpx.ASGITransport(create_app(practice.house))
    async with httpx.AsyncClient(transport=transport, base_url="https://rz.example") as short:
        await answer(short, practice, submit(practice))
        (sms,) = [intent for intent in practice.intents() if intent.purpose == "reply"]
        link = re.search(r"https://rz\.example/f/\S+", sms.body)
        assert link is not None
        shown = await short.get("/outbox")
        assert f'href="{link[0]}"' in shown.text
        assert (await short.get(link[0])).status_code == 303


UNREADABLE = [
    ("/form/thread", 409, {"content": b"{", "headers": {"content-type": "application/json"}}),
    ("/form/thread", 400, {"content": b"x", "headers": {"content-type": "multipart/form-data"}}),
    ("/form/thread/known", 400, {"content": b"x", "headers": {"content-type": "multipart/form-data"}}),
    ("/form/thread/known", 400, {"data": {f"field{number}": "x" for number in range(1200)}}),
    ("/form/thread/known", 409, {"data": {}}),
    ("/form/nowhere", 404, {"data": {}}),
]


@pytest.mark.parametrize(("path", "status", "sent"), UNREADABLE)
@pytest.mark.parametrize(
    ("language", "said"), [("de", "Praxis anrufen: 0351"), ("en", "Call the practice: 0351")]
)
async def test_whatever_is_sent_a_patient_reads_a_page_of_theirs_in_their_language(  # noqa: PLR0913, PLR0917
    web: httpx.AsyncClient,
    practice: Practice,
    path: str,
    status: int,
    sent: dict[str, Any],
    language: str,
    said: str,
) -> None:
    await answer(web, practice, submit(practice))
    await door(web, practice)
    told = {"accept-language": language} | sent.get("headers", {})
    page = await web.post(path, **(sent | {"headers": told}))
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert (said in page.text, "/inbox" in page.text) == (True, False)


async def test_a_link_that_is_posted_to_is_no_page_of_the_staff(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    page = await web.post(f"/f/{practice.link()}")
    assert (page.status_code, "Bitte öffnen Sie den Link noch einmal" in page.text) == (405, True)
    assert "/inbox" not in page.text
