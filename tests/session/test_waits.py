"""The expected wait comes from those who waited lately, and is not made up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callflow.waits import LONGEST_MINUTES, Wait, Waits, expected
from tests.support.stores import NOW


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def wait(lasted: float, place: int = 1, ago: float = 0) -> Wait:
    return Wait(NOW - minutes(ago), minutes(lasted), place)


def waited(waits: Waits, call: str, lasted: float, place: int = 2) -> None:
    """One call waits for the reception and is answered at NOW."""
    waits.asked(call, "empfang", place, NOW - minutes(lasted))
    waits.answered(call, NOW)


def test_two_waits_are_too_few_for_an_estimate() -> None:
    assert expected([wait(4), wait(4)], 1, NOW) is None


def test_one_long_wait_does_not_sway_the_estimate() -> None:
    assert expected([wait(2), wait(2), wait(3), wait(3), wait(50)], 1, NOW) == minutes(3)


def test_two_places_take_twice_as_long_as_one() -> None:
    assert expected([wait(4, place=2), wait(2), wait(6, place=3)], 2, NOW) == minutes(4)


def test_what_was_measured_hours_ago_counts_no_more() -> None:
    assert expected([wait(4, ago=121)] * 5 + [wait(4)] * 2, 1, NOW) is None


def test_a_destination_knows_nothing_of_another() -> None:
    waits = Waits()
    for call in ("a", "b", "c"):
        waited(waits, call, 6)
    assert (waits.minutes("empfang", 1, NOW), waits.minutes("labor", 1, NOW)) == (3, None)


def test_who_was_put_through_at_once_does_not_count() -> None:
    waits = Waits()
    for call in ("a", "b", "c"):
        waited(waits, call, 1, place=1)
    assert waits.minutes("empfang", 1, NOW) is None


def test_the_first_in_the_queue_counts_once_they_had_to_ask_again() -> None:
    waits = Waits()
    for call in ("a", "b", "c"):
        waits.asked(call, "empfang", 1, NOW - minutes(5))
        waits.asked(call, "empfang", 1, NOW - minutes(4))
        waits.answered(call, NOW)
    assert waits.minutes("empfang", 1, NOW) == 5


def test_who_gave_up_does_not_count() -> None:
    waits = Waits()
    for call in ("a", "b", "c"):
        waits.asked(call, "empfang", 2, NOW - minutes(5))
        waits.over(call)
        waits.answered(call, NOW)
    assert waits.minutes("empfang", 1, NOW) is None


@pytest.mark.parametrize(("lasted", "said"), [(0.2, 1), (59, 59), (60, LONGEST_MINUTES), (90, None)])
def test_less_than_a_minute_is_a_minute_and_over_an_hour_is_not_said(lasted: float, said: int | None) -> None:
    waits = Waits()
    for call in ("a", "b", "c"):
        waited(waits, call, lasted * 2)
    assert waits.minutes("empfang", 1, NOW) == said
