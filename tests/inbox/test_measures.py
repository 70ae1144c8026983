"""What the figures count."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select

from callflow import inbox
from callflow.inbox import Contact, open_card
from callflow.inbox.measures import Funnel, Waits, measure
from callflow.links import form
from callflow.links import link as links
from callflow.outbox.queue import Sms, put_sms
from callflow.store import Call, Intent, Link, Store, Tx
from tests.support.stores import NOW

SINCE, UNTIL = NOW - timedelta(days=1), NOW + timedelta(days=2)


def call(tx: Tx, number: str, minutes: float = 0) -> None:
    tx.add(Call(number=number, started_at=NOW + timedelta(minutes=minutes)))


def send(tx: Tx, number: str, *, delivered: bool = True) -> Link:
    offer = links.Offer(number=number, concern="rezept", due=UNTIL, expires=UNTIL)
    token, link = links.create(tx, offer, now=NOW)
    put_sms(tx, Sms(to=number, text=token, reference=token, link_id=link.id), now=NOW)
    intent = tx.exec(select(Intent).where(Intent.link_id == link.id)).one()
    intent.status, intent.delivery = "sent", "delivered" if delivered else ""
    return link


def submit(tx: Tx, link: Link) -> None:
    links.opened(tx, link.id, now=NOW)
    form.submit(tx, link.id, form.Form(concern="rezept"), now=NOW + timedelta(minutes=5), due=UNTIL)


def test_only_who_sent_the_form_and_did_not_call_again_was_deflected(store: Store) -> None:
    numbers = [f"+49171123456{n}" for n in range(5)]

    def work(tx: Tx) -> None:
        for number in numbers:
            call(tx, number)
        content, caller_again, next_day, opener = (send(tx, number) for number in numbers[:4])
        send(tx, numbers[4], delivered=False)
        links.opened(tx, opener.id, now=NOW)
        for link in (content, caller_again, next_day):
            submit(tx, link)
        call(tx, numbers[1], minutes=60)
        call(tx, numbers[2], minutes=25 * 60)

    store.write_now(work)
    funnel = store.read_now(lambda tx: measure(tx, since=SINCE, until=UNTIL)).funnel
    assert funnel == Funnel(calls=7, sent=5, delivered=4, opened=4, submitted=3, deflected=2)
    assert funnel.rate == 2 / 7


def test_calls_are_counted_by_the_practices_hours(store: Store) -> None:
    def work(tx: Tx) -> None:
        for minutes in (0, 59, 60):
            call(tx, "", minutes)

    store.write_now(work)
    assert store.read_now(lambda tx: measure(tx, since=SINCE, until=UNTIL)).hours == {10: 2, 11: 1}


def test_the_wait_ends_with_the_first_try_to_reach_the_person(store: Store) -> None:
    def work(tx: Tx) -> None:
        for minutes in (10, 20, 60):
            due = NOW + timedelta(minutes=30)
            card = open_card(
                tx, Contact(kind="callback", concern="au", number=f"+4917112345{minutes}"), now=NOW, due=due
            )
            at = NOW + timedelta(minutes=minutes)
            inbox.claim(tx, card.id, "anna", now=NOW)
            inbox.attempt(tx, card.id, "anna", now=at, back=at)
            inbox.claim(tx, card.id, "anna", now=at)
            inbox.close(tx, card.id, "anna", "done", now=at + timedelta(hours=5))
        open_card(tx, Contact(kind="missed", number=""), now=NOW, due=UNTIL)

    store.write_now(work)
    found = store.read_now(lambda tx: measure(tx, since=SINCE, until=UNTIL))
    assert found.waits == Waits(3, timedelta(minutes=20), timedelta(minutes=52), in_time=2)
    assert found.kinds == {"callback": 3, "missed": 1}


def test_nothing_happened_is_no_figure(store: Store) -> None:
    found = store.read_now(lambda tx: measure(tx, since=SINCE, until=UNTIL))
    assert (found.funnel, found.waits, found.hours, found.funnel.rate) == (Funnel(), Waits(), {}, 0)
