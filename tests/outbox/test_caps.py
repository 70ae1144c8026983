"""Limits on text messages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callflow.outbox import queue
from callflow.outbox.caps import Caps, messages
from callflow.outbox.queue import Sms
from callflow.store import Store
from tests.support.stores import NOW

ERIKA, MAX = "+491711234567", "+491721234567"
CAPS = Caps(per_number_a_day=2, per_day=5)


def _put(store: Store, to: str, hours_ago: float = 0) -> str:
    at = NOW - timedelta(hours=hours_ago)
    return store.write_now(lambda tx: queue.put_sms(tx, Sms(to, "Hallo x", "x"), now=at))


def _objection(store: Store, to: str, caps: Caps = CAPS) -> str:
    return store.read_now(lambda tx: caps.objection(tx, to, now=NOW))


@pytest.mark.parametrize(
    ("number", "countries", "objection"),
    [
        (ERIKA, ("DE",), ""),
        ("+498211234567", ("DE",), "no_mobile"),
        ("+436641234567", ("DE",), "no_mobile"),
        ("+436641234567", ("DE", "AT"), ""),
        ("", ("DE",), "no_mobile"),
        ("+49112", ("DE",), "no_mobile"),
    ],
)
def test_only_mobile_numbers_of_allowed_countries(
    store: Store, number: str, countries: tuple[str, ...], objection: str
) -> None:
    assert _objection(store, number, Caps(countries)) == objection


def test_one_number_gets_so_many_a_day_and_others_are_not_concerned(store: Store) -> None:
    _put(store, ERIKA, hours_ago=24)
    _put(store, ERIKA, hours_ago=23.9)
    assert _objection(store, ERIKA) == ""
    _put(store, ERIKA)
    assert (_objection(store, ERIKA), _objection(store, MAX)) == ("number_cap", "")


def test_all_numbers_together_stay_in_the_budget_and_the_alarm_comes_before(store: Store) -> None:
    alarms = []
    for number in range(5):
        assert _objection(store, f"+49171{1_000_000 + number}") == ""
        _put(store, f"+49171{1_000_000 + number}")
        alarms.append(store.read_now(lambda tx: CAPS.alarm(tx, now=NOW)))
    assert (alarms, _objection(store, MAX)) == ([False, False, False, True, True], "budget")
    assert store.read_now(lambda tx: messages(tx, now=NOW + timedelta(hours=24))) == 0


def test_a_cancelled_message_does_not_count(store: Store) -> None:
    intent = _put(store, ERIKA)
    store.write_now(lambda tx: queue.cancel(tx, intent, now=NOW))
    assert store.read_now(lambda tx: messages(tx, now=NOW)) == 0
