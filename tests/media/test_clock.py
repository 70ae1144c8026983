"""One clock for all calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sip.media import rtp
from sip.media.clock import Clock
from tests.media.spoken import Studio


@given(st.lists(st.floats(0, 0.09), max_size=200))
def test_every_subtick_is_done_once_and_in_order_however_late_the_timer_comes(waits: list[float]) -> None:
    clock, now = Clock(1000.0), 1000.0
    done: list[int] = []
    for wait in waits:
        now += wait
        skipped, due = clock.due(now)
        assert skipped == 0
        done += due
    assert done == list(range(len(done)))
    assert len(done) == (0 if not waits else int((now - 1000.0) / 0.005 + 1e-6) + 1)


def test_a_long_stall_is_not_made_up_for_with_a_flood() -> None:
    clock = Clock(0.0)
    clock.due(0.0)
    skipped, due = clock.due(10.0)
    assert (skipped, len(due), due[-1]) == (1980, 20, 2000)


def test_the_next_subtick_is_on_the_grid_of_the_beginning() -> None:
    clock = Clock(50.0)
    clock.due(50.0021)
    assert (clock.next, clock.at(clock.next)) == (1, 50.005)
    clock.due(50.0131)
    assert (clock.next, clock.at(clock.next)) == (3, 50.015)


def moments(calls: int) -> list[int]:
    """Return how many of `calls` calls send at 0, 5, 10 and 15 ms."""
    studio = Studio()
    voices = [studio.voice() for _ in range(calls)]
    for one in voices:
        one.join()
    studio.run(20)
    sent = [one.sent[0][0] for one in voices]
    return [sent.count(at) for at in (0, 5, 10, 15)]


def test_many_calls_are_spread_evenly_over_the_subticks_and_a_few_share_one() -> None:
    few, more, many = [100, 0, 0, 0], [256, 44, 0, 0], [300, 300, 300, 300]
    assert [moments(calls) for calls in (100, 300, 1200)] == [few, more, many]


@given(st.integers(0, 200), st.lists(st.sampled_from([10, 20, 30, 40, 50, 60]), max_size=150))
def test_no_subtick_that_is_somebodys_is_slept_over(begin: int, packet_times: list[int]) -> None:
    studio = Studio()
    for ptime in packet_times:
        studio.voice().join(ptime)
    asleep = range(begin, studio.wheel.next_busy(begin))
    for subtick in asleep:
        before = [one.ticks for one in studio.wheel.all()]
        studio.wheel.turn(subtick)
        busy = [one for one in studio.wheel.all() if len(one)]
        assert (len(asleep) < 4, [one.ticks for one in busy]) == (
            True,
            [ticks for one, ticks in zip(studio.wheel.all(), before, strict=True) if len(one)],
        )


@given(st.integers(1, 1000), st.sampled_from([10, 20, 30, 50]))
def test_skipped_time_is_missing_from_the_packets_and_not_from_the_timestamps(
    skipped: int, ptime: int
) -> None:
    studio = Studio()
    one = studio.voice()
    one.join(ptime)
    studio.run(ptime * 2)
    studio.wheel.skip(studio.subtick, skipped)
    studio.subtick += skipped
    studio.run(ptime * 2)
    for (at, packet), (later, following) in zip(one.sent, one.sent[1:], strict=False):
        assert following.timestamp - packet.timestamp == 8 * (later - at)
    assert [packet.sequence for packet in one.packets] == list(range(len(one.packets)))
    assert {packet.payload_type for packet in one.packets} == {rtp.PCMA}
