"""Delivery reports may come missing, doubled and in any order."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callflow.outbox import delivery, queue
from callflow.outbox.delivery import POLLS, Report, join, next_poll
from callflow.outbox.queue import Sms
from callflow.outbox.transport import Delivery, Receipt
from callflow.store import Intent, Store, Tx
from tests.support.stores import NOW, temporary_store

WORDS: list[Delivery] = ["", "accepted", "sent", "delivered", "undelivered", "failed"]
any_word = st.sampled_from(WORDS)


@given(any_word, any_word, any_word)
def test_reports_form_a_lattice(one: Delivery, two: Delivery, three: Delivery) -> None:
    assert join(one, one) == one
    assert join(one, two) == join(two, one)
    assert join(one, join(two, three)) == join(join(one, two), three)


def _sent(tx: Tx, provider_id: str = "SM1") -> str:
    intent = tx.get_one(Intent, queue.put_sms(tx, Sms("+491711234567", "Hallo x", "x"), now=NOW))
    queue.begin(tx, intent, "twilio", now=NOW)
    queue.sent(intent, Receipt(provider_id), now=NOW)
    return intent.id


def _tell(store: Store, reports: list[Report], lost: list[str]) -> None:
    def note(_tx: Tx, intent: Intent, _now: datetime) -> None:
        lost.append(intent.id)

    for report in reports:
        store.write_now(lambda tx, each=report: delivery.told(tx, each, note, now=NOW))


@settings(max_examples=25, deadline=None)
@given(st.lists(any_word, min_size=1, max_size=6))
def test_whatever_the_order_the_end_is_the_same(words: list[Delivery]) -> None:
    with temporary_store() as store:
        ends = set()
        for number, order in enumerate(list(permutations(words))[:: max(1, len(words) * 20)]):
            intent_id = store.write_now(lambda tx, each=number: _sent(tx, f"SM{each}"))
            lost: list[str] = []
            _tell(store, [Report(f"SM{number}", word) for word in order], lost)
            ends.add(store.read_now(lambda tx, each=intent_id: tx.get_one(Intent, each)).delivery)
            assert len(lost) <= 1
        assert len(ends) == 1


@pytest.mark.parametrize(
    ("words", "end", "lost"),
    [
        (["sent", "delivered"], "delivered", 0),
        (["delivered", "sent", "delivered"], "delivered", 0),
        (["undelivered", "undelivered"], "undelivered", 1),
        (["failed", "undelivered", "sent"], "failed", 1),
        (["delivered", "undelivered"], "delivered", 0),
        (["undelivered", "delivered"], "delivered", 1),
        ([], "", 0),
    ],
)
def test_a_lost_message_is_told_once(store: Store, words: list[Delivery], end: str, lost: int) -> None:
    intent_id = store.write_now(_sent)
    told: list[str] = []
    _tell(store, [Report("SM1", word, "30006") for word in words], told)
    intent = store.read_now(lambda tx: tx.get_one(Intent, intent_id))
    assert (intent.delivery, len(told)) == (end, lost)


def test_reports_about_messages_of_others_are_not_taken(store: Store) -> None:
    intent_id = store.write_now(_sent)
    reports = [
        Report("SM2", "delivered"),
        Report("", "delivered"),
        Report("SM2", "delivered", intent=intent_id),
    ]
    taken = [
        store.write_now(lambda tx, each=each: delivery.told(tx, each, print, now=NOW)) for each in reports
    ]
    assert taken == [False, False, False]
    assert store.read_now(lambda tx: tx.get_one(Intent, intent_id)).delivery == ""


def test_a_report_with_our_id_ends_the_doubt_about_a_message(store: Store) -> None:
    def doubtful(tx: Tx) -> str:
        intent = tx.get_one(Intent, queue.put_sms(tx, Sms("+491711234567", "Hallo x", "x"), now=NOW))
        queue.begin(tx, intent, "twilio", now=NOW)
        queue.put_back(intent, at=NOW, error="ReadTimeout")
        return intent.id

    intent_id = store.write_now(doubtful)
    _tell(store, [Report("SM7", "delivered", intent=intent_id)], [])
    intent = store.read_now(lambda tx: tx.get_one(Intent, intent_id))
    assert (intent.status, intent.provider_id, intent.delivery, intent.body) == (
        "sent",
        "SM7",
        "delivered",
        "",
    )


def test_a_report_cannot_make_a_message_sent_that_no_transport_was_given(store: Store) -> None:
    intent = store.write_now(lambda tx: queue.put_sms(tx, Sms("+491711234567", "Hallo x", "x"), now=NOW))
    _tell(store, [Report("SM7", "delivered", intent=intent)], [])
    assert store.read_now(lambda tx: tx.get_one(Intent, intent)).status == "queued"


def test_polls_grow_rarer_and_end() -> None:
    asked, at = [], next_poll(NOW, NOW)
    while at is not None:
        asked.append(at - NOW)
        at = next_poll(NOW, at)
    assert asked == list(POLLS)
