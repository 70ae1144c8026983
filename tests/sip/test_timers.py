"""Timers of equal delay share a queue and fall due as if each were the event loop's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.signalling.timers import Timers
from tests.sip.clock import HandClock

DELAYS = st.sampled_from([0.0, 0.5, 4.0, 32.0, 60.0])


@given(st.lists(st.tuples(st.floats(0, 5), DELAYS, st.booleans()), max_size=30))
def test_every_timer_comes_once_and_at_its_time_unless_it_was_called_off(
    plan: list[tuple[float, float, bool]],
) -> None:
    clock = HandClock()
    timers = Timers(clock)
    came: list[tuple[int, float]] = []
    wanted: list[tuple[int, float]] = []
    for number, (pause, delay, kept) in enumerate(plan):
        clock.advance(pause)
        timer = timers.call_later(delay, lambda number=number: came.append((number, clock.now)))
        if kept:
            wanted.append((number, clock.now + delay))
        else:
            timer.cancel()
    clock.advance(100)
    assert sorted(came) == [(number, pytest.approx(at)) for number, at in wanted]


def test_what_one_timer_raises_keeps_no_other_waiting() -> None:
    clock = HandClock()
    timers = Timers(clock)
    came: list[str] = []
    timers.call_later(1, lambda: 1 / 0)
    timers.call_later(1, came.append, "second")
    with pytest.raises(ZeroDivisionError):
        clock.advance(2)
    clock.advance(0)
    assert came == ["second"]


def test_a_thousand_timers_of_one_delay_are_one_of_the_loops() -> None:
    clock = HandClock()
    timers = Timers(clock)
    for _ in range(1000):
        timers.call_later(32, print)
    assert len(clock) == 1
