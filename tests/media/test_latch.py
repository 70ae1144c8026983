"""Whose packets are believed to be the peer's."""

from __future__ import annotations

from sip.media import rtp
from sip.media.latch import Latch

ANNOUNCED = ("192.0.2.1", 4000)
TRANSLATED = ("192.0.2.1", 61234)
STRANGER = ("203.0.113.9", 5004)


def packet(sequence: int, ssrc: int = 1) -> rtp.Packet:
    return rtp.Packet(rtp.PCMA, sequence & 0xFFFF, 0, ssrc)


def test_the_announced_address_is_believed_with_its_first_packet() -> None:
    latch = Latch(ANNOUNCED)
    assert (latch.admit(ANNOUNCED, packet(1)), latch.certain) == (True, True)


def test_another_port_of_the_peers_host_is_believed_after_three_packets_in_a_row() -> None:
    latch = Latch(ANNOUNCED)
    answers = [latch.admit(TRANSLATED, packet(sequence)) for sequence in (0xFFFE, 0xFFFF, 0, 1)]
    assert (answers, latch.target) == ([False, False, True, True], TRANSLATED)


def test_a_stranger_is_never_believed() -> None:
    latch = Latch(ANNOUNCED)
    assert [latch.admit(STRANGER, packet(sequence)) for sequence in range(20)] == [False] * 20


def test_the_host_that_the_signalling_comes_from_may_send_too() -> None:
    latch = Latch(("10.0.0.5", 4000), frozenset({"198.51.100.7"}))
    answers = [latch.admit(("198.51.100.7", 700), packet(sequence)) for sequence in range(3)]
    assert answers == [False, False, True]


def test_an_established_peer_is_not_displaced_by_packets_from_another_port_of_its_host() -> None:
    latch = Latch(ANNOUNCED)
    latch.admit(ANNOUNCED, packet(1))
    assert [latch.admit(TRANSLATED, packet(sequence)) for sequence in range(5)] == [False] * 5


def test_packets_out_of_order_or_of_mixed_streams_prove_nothing() -> None:
    latch = Latch(ANNOUNCED)
    guesses = [packet(100), packet(9), packet(40), packet(41, ssrc=2), packet(42, ssrc=3), packet(43, ssrc=4)]
    assert [latch.admit(TRANSLATED, guess) for guess in guesses] == [False] * 6


def test_the_announced_address_takes_over_from_a_translated_one() -> None:
    latch = Latch(ANNOUNCED)
    for sequence in range(3):
        latch.admit(TRANSLATED, packet(sequence))
    assert (latch.admit(ANNOUNCED, packet(9)), latch.target) == (True, ANNOUNCED)


def test_after_silence_the_peer_may_come_back_from_another_port() -> None:
    latch = Latch(ANNOUNCED)
    latch.admit(ANNOUNCED, packet(1))
    latch.release()
    assert [latch.admit(TRANSLATED, packet(sequence)) for sequence in range(3)] == [False, False, True]
