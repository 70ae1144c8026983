"""What arrives is counted as RFC 3550 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.media import rtp
from sip.media.reception import Reception


def voice(index: int, ssrc: int = 7, first: int = 0) -> rtp.Packet:
    sequence = (first + index) & 0xFFFF
    return rtp.Packet(rtp.PCMA, sequence, (index * 160) & 0xFFFF_FFFF, ssrc, bytes(160))


def receive(packets: list[rtp.Packet], times: list[float] | None = None) -> Reception:
    reception = Reception()
    for index, packet in enumerate(packets):
        if reception.admit(packet):
            at = times[index] if times else packet.timestamp / 8000
            reception.count(packet, at, voice=True)
    return reception


@given(st.integers(0, 0xFFFF), st.sets(st.integers(1, 400)))
def test_loss_is_the_part_that_never_came_also_over_the_sequence_wrap(first: int, lost: set[int]) -> None:
    kept = [voice(index, first=first) for index in range(402) if index not in lost]
    reception = receive(kept)
    assert (reception.expected, reception.lost) == (402, len(lost))


@given(st.permutations(range(1, 30)))
def test_disorder_is_no_loss(order: list[int]) -> None:
    assert receive([voice(0), *(voice(index) for index in order)]).lost == 0


def test_a_steady_stream_has_no_jitter() -> None:
    assert receive([voice(index) for index in range(50)]).jitter_ms == 0


def test_jitter_tends_to_the_mean_change_of_delay() -> None:
    packets = [voice(index) for index in range(1000)]
    times = [packet.timestamp / 8000 + (0.010 if packet.sequence % 2 else 0) for packet in packets]
    assert receive(packets, times).jitter_ms == pytest.approx(10, abs=0.1)


def test_the_jitter_told_is_that_of_the_whole_call() -> None:
    packets = [voice(index) for index in range(1000)]
    shaky = [
        packet.timestamp / 8000 + 0.020 * (packet.sequence < 500 and packet.sequence % 2)
        for packet in packets
    ]
    reception = receive(packets, shaky)
    assert (reception.jitter_ms, reception.jitter) == (pytest.approx(10, abs=0.1), pytest.approx(0, abs=0.1))


def test_a_single_packet_of_another_source_is_not_believed_and_two_in_a_row_are() -> None:
    reception = receive([voice(0), voice(1)])
    answers = [reception.admit(voice(index, ssrc=9)) for index in (50, 70, 71)]
    assert (answers, reception.ssrc) == ([False, False, True], 9)


def test_a_new_source_begins_its_own_counting() -> None:
    reception = receive([voice(0), voice(1), voice(9000, ssrc=9), voice(9001, ssrc=9), voice(9002, ssrc=9)])
    assert (reception.lost, reception.restarts) == (0, 1)


def test_a_sender_that_starts_its_numbers_anew_has_lost_nothing() -> None:
    assert receive([voice(0), voice(1), voice(20000), voice(20001)]).lost == 0


@given(st.integers(0, 0xFFFF), st.sets(st.integers(1, 999)), st.sets(st.integers(1, 999)))
def test_what_the_kernel_counted_is_not_lost(first: int, lost: set[int], seen: set[int]) -> None:
    reception, unseen, last = Reception(), 0, 0
    for index in sorted(set(range(1000)) - lost):
        if index and index not in seen:
            unseen += 1
            continue
        packet, last = voice(index, first=first), index
        assert reception.admit(packet)
        reception.count(packet, index / 50, voice=True, unseen=unseen)
    assert (reception.expected, reception.lost) == (last + 1, len(lost.intersection(range(last))))
