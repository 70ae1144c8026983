"""Sound in order and on time."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from callflow import g711
from sip.media.jitter_buffer import JitterBuffer

SILENT = bytes([g711.SILENCE])


def frame(index: int, size: int = 160) -> bytes:
    return bytes([index % 200 + 1]) * size


def run(arrivals: list[tuple[float, int, bytes]], seconds: float, delay_ms: int = 80) -> bytes:
    """Return what a reader hears that reads 20 ms every 20 ms from the first arrival on."""
    buffer, heard = JitterBuffer(delay_ms), b""
    waiting = sorted(arrivals, key=lambda arrival: arrival[0])
    for tick in range(int(seconds * 50)):
        while waiting and waiting[0][0] <= tick * 0.02:
            _, timestamp, alaw = waiting.pop(0)
            buffer.put(timestamp & 0xFFFF_FFFF, alaw)
        heard += buffer.read(160)
    return heard


@given(st.integers(0, 2**32 - 1), st.sampled_from([80, 160, 240, 320, 400, 480]))
def test_a_steady_stream_comes_out_whole_after_the_delay_whatever_its_packet_time(
    begin: int, size: int
) -> None:
    count = 30
    arrivals = [(index * size / 8000, begin + index * size, frame(index, size)) for index in range(count)]
    sent = b"".join(alaw for _, _, alaw in arrivals)
    heard = run(arrivals, count * size / 8000 + 0.1)
    assert heard[: 640 + len(sent)] == SILENT * 640 + sent


@given(st.randoms(use_true_random=False))
def test_jitter_and_disorder_within_the_delay_change_nothing(chance: random.Random) -> None:
    arrivals = [(0.0, 0, frame(0))]
    arrivals += [(index * 0.02 + chance.random() * 0.06, index * 160, frame(index)) for index in range(1, 60)]
    heard = run(arrivals, 60 * 0.02 + 0.08)
    assert heard == SILENT * 640 + b"".join(frame(index) for index in range(60))


def test_a_lost_frame_is_covered_by_a_quieter_repetition_then_silence() -> None:
    loud = g711.to_alaw(g711.from_alaw(SILENT * 160) + 8000)
    heard = run([(0.0, 0, loud)], 0.22)
    levels = [int(g711.from_alaw(heard[start : start + 1])[0]) for start in range(640, len(heard), 160)]
    assert levels == [8064, 4032, 2016, 1008, 8, 8, 8]


def test_a_packet_that_comes_twice_or_too_late_changes_nothing() -> None:
    arrivals = [(index * 0.02, index * 160, frame(index)) for index in range(20)]
    late = [(0.30, 160, frame(99)), (0.31, 15 * 160, frame(15))]
    assert run(arrivals + late, 0.48) == run(arrivals, 0.48)


def test_a_sender_whose_clock_runs_fast_does_not_make_the_delay_grow() -> None:
    buffer = JitterBuffer(40)
    sent = 0
    for tick in range(50 * 120):
        while sent * 0.02 / 1.002 <= tick * 0.02:
            buffer.put(sent * 160, frame(sent))
            sent += 1
        heard = buffer.read(160)
    assert heard in [frame(index) for index in range(sent - 12, sent)]


def test_a_sender_whose_clock_runs_slow_is_still_heard() -> None:
    buffer = JitterBuffer(40)
    sent, silent = 0, 0
    for tick in range(50 * 120):
        while sent * 0.02 * 1.002 <= tick * 0.02:
            buffer.put(sent * 160, frame(sent))
            sent += 1
        silent += buffer.read(160) == SILENT * 160
    assert silent < 50


def test_a_new_timeline_of_the_sender_is_taken_up() -> None:
    arrivals = [(index * 0.02, index * 160, frame(index)) for index in range(10)]
    arrivals += [(0.2 + index * 0.02, 3_000_000_000 + index * 160, frame(100 + index)) for index in range(10)]
    heard = run(arrivals, 0.6)
    assert frame(100) + frame(101) + frame(102) in heard


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=600)), max_size=30))
def test_any_packets_leave_a_buffer_that_gives_what_it_is_asked_for(packets: list[tuple[int, bytes]]) -> None:
    buffer = JitterBuffer()
    lengths = []
    for timestamp, alaw in packets:
        buffer.put(timestamp, alaw)
        lengths.append(len(buffer.read(160)))
    assert lengths == [160] * len(packets)
