"""RTCP: what we say of ourselves and what the peer says of us."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.media import rtcp, rtp
from sip.media.reception import Reception
from sip.media.reporting import Reporting, Spoken

WORDS = st.integers(0, 2**32 - 1)
BLOCKS = st.builds(
    rtcp.Block,
    ssrc=WORDS,
    fraction=st.integers(0, 255),
    lost=st.integers(-(2**23), 2**23 - 1),
    highest=WORDS,
    jitter=WORDS,
    last_report=WORDS,
    delay=WORDS,
)
SENDERS = st.builds(rtcp.Sender, ntp=st.integers(0, 2**64 - 1), timestamp=WORDS, packets=WORDS, octets=WORDS)
REPORTS = st.builds(
    rtcp.Report, ssrc=WORDS, sender=st.none() | SENDERS, blocks=st.lists(BLOCKS, max_size=31).map(tuple)
)
NOON = 1_760_000_000.0


@given(REPORTS, st.text("abcdef0123456789", min_size=1, max_size=40))
def test_what_is_built_parses_to_the_same_report(report: rtcp.Report, cname: str) -> None:
    assert rtcp.parse(rtcp.build_report(report, cname)) == [report]


@given(REPORTS)
def test_a_goodbye_follows_the_last_report(report: rtcp.Report) -> None:
    assert rtcp.parse(rtcp.build_bye(report, "a")) == [report, rtcp.Bye((report.ssrc,))]


@given(st.binary(max_size=200))
def test_any_datagram_parses_or_is_refused_as_no_rtcp(data: bytes) -> None:
    try:
        items = rtcp.parse(data)
    except rtcp.RtcpError:
        return
    assert data[0] >> 6 == 2
    assert len(items) <= len(data) // 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81\xc9",
        b"\x41\xc9\0\0",
        b"\x80\x08\0\0",
        b"\x80\xc9\0\x09",
        b"\x81\xc9\0\x01\0\0\0\0",
        b"\x80\xc8\0\0",
    ],
)
def test_a_damaged_compound_is_refused(data: bytes) -> None:
    with pytest.raises(rtcp.RtcpError):
        rtcp.parse(data)


def reporting(ssrc: int) -> Reporting:
    return Reporting(ssrc, random.Random(1))  # noqa: S311 - repeatable on purpose


def heard(count: int, lost: set[int]) -> Reception:
    reception = Reception()
    for index in set(range(count)) - lost:
        packet = rtp.Packet(rtp.PCMA, index, index * 160, 5)
        if reception.admit(packet):
            reception.count(packet, index / 50, voice=True)
    return reception


def test_reports_come_about_every_five_seconds_and_not_with_the_first_look() -> None:
    ours = reporting(1)
    due = [second for second in range(600) if ours.due(float(second))]
    assert due[0] >= 2
    assert 90 <= len(due) <= 140


def test_a_sender_report_tells_packets_octets_and_both_clocks() -> None:
    (report,) = rtcp.parse(reporting(1).report(Spoken(100, 16000, 12345), Reception(), NOON))
    assert report == rtcp.Report(1, rtcp.Sender(int((NOON + 2_208_988_800) * 2**32), 12345, 100, 16000))


def test_who_has_sent_nothing_reports_as_receiver() -> None:
    (report,) = rtcp.parse(reporting(1).report(Spoken(0, 0, 9), heard(10, set()), NOON))
    assert isinstance(report, rtcp.Report)
    assert (report.sender, report.blocks[0].ssrc, report.blocks[0].highest) == (None, 5, 9)


def test_the_lost_fraction_is_that_of_the_time_since_the_last_report() -> None:
    ours, reception = reporting(1), heard(101, set(range(50, 75)))
    fractions = []
    for _ in range(2):
        (report,) = rtcp.parse(ours.report(Spoken(0, 0, 0), reception, NOON))
        assert isinstance(report, rtcp.Report)
        fractions.append((report.blocks[0].fraction, report.blocks[0].lost))
    assert fractions == [(256 * 25 // 101, 25), (0, 25)]


def test_the_round_trip_is_measured_over_both_sides_reports() -> None:
    ours, theirs = reporting(1), reporting(2)
    (sent,) = rtcp.parse(ours.report(Spoken(1, 160, 0), Reception(), NOON))
    assert isinstance(sent, rtcp.Report)
    theirs.take(sent, NOON + 0.030, 1)
    reception = Reception()
    reception.admit(rtp.Packet(rtp.PCMA, 0, 0, 1))
    (answer,) = rtcp.parse(theirs.report(Spoken(1, 160, 0), reception, NOON + 2.0))
    assert isinstance(answer, rtcp.Report)
    ours.take(answer, NOON + 2.050, 1)
    assert ours.round_trip_ms == pytest.approx(80, abs=0.1)


@pytest.mark.parametrize(("last_report", "delay"), [(0, 0), (1, 0), (0x1234_5678, 5)])
def test_a_peer_that_reckons_wrong_tells_no_round_trip(last_report: int, delay: int) -> None:
    ours = reporting(1)
    ours.take(rtcp.Report(2, None, (rtcp.Block(1, last_report=last_report, delay=delay),)), NOON, 50)
    assert ours.round_trip_ms is None


def test_the_peers_loss_figure_for_another_stream_is_not_ours() -> None:
    ours = reporting(1)
    ours.take(rtcp.Report(2, None, (rtcp.Block(99, lost=50),)), NOON, 100)
    assert ours.remote_loss is None
    ours.take(rtcp.Report(2, None, (rtcp.Block(1, lost=25),)), NOON, 100)
    assert ours.remote_loss == 0.25


def test_the_peers_loss_is_that_of_the_whole_call_and_not_of_its_last_seconds() -> None:
    ours = reporting(1)
    ours.take(rtcp.Report(2, None, (rtcp.Block(1, fraction=128, lost=50),)), NOON, 100)
    ours.take(rtcp.Report(2, None, (rtcp.Block(1, fraction=0, lost=50),)), NOON + 5, 500)
    assert ours.remote_loss == 0.1


@pytest.mark.parametrize(("lost", "told"), [(-7, 0.0), (900, 1.0)])
def test_what_a_peer_cannot_have_lost_is_told_as_nothing_or_all(lost: int, told: float) -> None:
    ours = reporting(1)
    ours.take(rtcp.Report(2, None, (rtcp.Block(1, lost=lost),)), NOON, 100)
    assert ours.remote_loss == told
