"""RTP packets on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.media import rtp

PACKETS = st.builds(
    rtp.Packet,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFF_FFFF),
    ssrc=st.integers(0, 0xFFFF_FFFF),
    payload=st.binary(max_size=480),
    marker=st.booleans(),
)


@given(PACKETS)
def test_what_is_built_parses_to_the_same_packet(packet: rtp.Packet) -> None:
    assert rtp.parse(rtp.build(packet)) == packet


@given(st.binary(max_size=600))
def test_any_datagram_parses_or_is_refused_as_no_rtp(data: bytes) -> None:
    try:
        packet = rtp.parse(data)
    except rtp.RtpError:
        return
    assert data.find(packet.payload) >= 0


@given(PACKETS, st.integers(0, 15), st.binary(max_size=40), st.integers(1, 255))
def test_contributors_extension_and_padding_are_skipped(
    packet: rtp.Packet, contributors: int, extension: bytes, padding: int
) -> None:
    extension += bytes(-len(extension) % 4)
    plain = rtp.build(packet)
    rich = (
        bytes([0x80 | 0x30 | contributors])
        + plain[1:12]
        + bytes(4 * contributors)
        + b"\xbe\xde"
        + (len(extension) // 4).to_bytes(2, "big")
        + extension
        + plain[12:]
        + bytes(padding - 1)
        + bytes([padding])
    )
    assert rtp.parse(rich) == packet


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(11),
        bytes([0x40]) + bytes(11),
        bytes([0x81]) + bytes(11),
        bytes([0x90]) + bytes(11),
        bytes([0x90]) + bytes(11) + b"\0\0\xff\xff",
        bytes([0xA0]) + bytes(11) + b"\0",
        bytes([0xA0]) + bytes(11) + b"\x05",
    ],
)
def test_a_damaged_header_is_refused(data: bytes) -> None:
    with pytest.raises(rtp.RtpError):
        rtp.parse(data)


@given(st.integers(0, 0xFFFF), st.integers(-0x8000, 0x7FFF))
def test_sequence_distance_survives_the_wrap(start: int, distance: int) -> None:
    assert rtp.sequence_after((start + distance) & 0xFFFF, start) == distance


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_timestamp_distance_survives_the_wrap(start: int, distance: int) -> None:
    assert rtp.timestamp_after((start + distance) & 0xFFFF_FFFF, start) == distance
