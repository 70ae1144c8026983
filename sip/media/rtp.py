"""RTP packets: parse and build (RFC 3550, section 5.1), and arithmetic that survives the wrap."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

HEADER: Final = 12  # bytes of a header without CSRC list and extension
PCMU: Final = 0
PCMA: Final = 8
STATIC_LAWS: Final[Mapping[int, int]] = MappingProxyType({PCMA: PCMA, PCMU: PCMU})
COMFORT_NOISE: Final = 13  # RFC 3389

_FIXED: Final = struct.Struct(">BBHII")
_EXTENSION: Final = struct.Struct(">HH")
_VERSION: Final = 2


class RtpError(ValueError):
    """Bytes that are no RTP packet."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet; `sequence` has 16 bits, `timestamp` and `ssrc` have 32."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes = b""
    marker: bool = False


def parse(data: bytes) -> Packet:
    """Return the packet in a datagram; CSRC list, header extension and padding are skipped.

    Raises:
        RtpError: too short, another version, or lengths that do not fit.
    """
    if len(data) < HEADER:
        raise RtpError("shorter than an RTP header")
    flags, kind, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if flags >> 6 != _VERSION:
        raise RtpError("not RTP version 2")
    start, end = HEADER, len(data)
    if flags & 0x3F:
        start, end = _payload_bounds(data, flags)
    return Packet(kind & 0x7F, sequence, timestamp, ssrc, data[start:end], kind > 0x7F)  # noqa: PLR2004 - M bit


def _payload_bounds(data: bytes, flags: int) -> tuple[int, int]:
    start, end = HEADER + 4 * (flags & 0x0F), len(data)
    if flags & 0x10:
        if start + _EXTENSION.size > end:
            raise RtpError("header extension runs over the end")
        start += _EXTENSION.size + 4 * _EXTENSION.unpack_from(data, start)[1]
    if flags & 0x20:
        end -= data[-1]
        if data[-1] == 0:
            raise RtpError("padding of no bytes")
    if start > end:
        raise RtpError("CSRC list, extension or padding run over the end")
    return start, end


def build(packet: Packet) -> bytes:
    """Return the datagram of a packet, without CSRC list, extension or padding."""
    kind = packet.payload_type | (0x80 if packet.marker else 0)
    header = _FIXED.pack(_VERSION << 6, kind, packet.sequence, packet.timestamp, packet.ssrc)
    return header + packet.payload


def sequence_after(sequence: int, reference: int) -> int:
    """Return how far a 16-bit sequence number lies after another, -32768..32767."""
    return ((sequence - reference + 0x8000) & 0xFFFF) - 0x8000


def timestamp_after(timestamp: int, reference: int) -> int:
    """Return how far a 32-bit timestamp lies after another, -2**31..2**31-1."""
    return ((timestamp - reference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


def laws_of(given: Mapping[int, int], sent: int) -> dict[int, int]:
    """Return what each payload type of voice stands for: `PCMA` or `PCMU`.

    Args:
        given: what the session description says; 8 and 0 need no word (RFC 3551, 6).
        sent: the number that voice is sent under.

    Raises:
        ValueError: `sent` stands for neither.
    """
    laws = {**STATIC_LAWS, **given}
    if sent not in laws:
        raise ValueError(f"payload type {sent} is neither PCMA nor PCMU")
    return laws
