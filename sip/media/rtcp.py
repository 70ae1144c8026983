"""RTCP packets: sender and receiver reports with SDES, and BYE (RFC 3550, section 6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

_SENDER_REPORT: Final = 200
_RECEIVER_REPORT: Final = 201
_DESCRIPTION: Final = 202
_BYE: Final = 203
_KINDS: Final = range(192, 224)  # RFC 5761, section 4
_VERSION: Final = 0x80
_CNAME: Final = 1

_HEADER: Final = struct.Struct(">BBH")
_WORD: Final = struct.Struct(">I")
_SENDER: Final = struct.Struct(">QIII")
_BLOCK: Final = struct.Struct(">IIIIII")


class RtcpError(ValueError):
    """Bytes that are no compound RTCP packet."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What a sender tells of itself (RFC 3550 6.4.1).

    Args:
        ntp: 64-bit NTP time.
        timestamp: its RTP timestamp at that time.
        packets: sent in all.
        octets: of payload, sent in all.
    """

    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Block:
    """How a receiver hears one stream.

    Args:
        ssrc: the stream.
        fraction: part lost since the last report, in 1/256.
        lost: packets lost in all.
        highest: extended highest sequence number.
        jitter: in timestamp units.
        last_report: middle 32 bits of the NTP time of the stream's last sender report, 0 without.
        delay: since that report, in 1/65536 s.
    """

    ssrc: int
    fraction: int = 0
    lost: int = 0
    highest: int = 0
    jitter: int = 0
    last_report: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A sender report, or (without `sender`) a receiver report, of `ssrc`."""

    ssrc: int
    sender: Sender | None = None
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Bye:
    """These sources have left."""

    ssrcs: tuple[int, ...]


def build_report(report: Report, cname: str) -> bytes:
    """Return the compound packet of a report and the source's canonical name."""
    kind = _SENDER_REPORT if report.sender else _RECEIVER_REPORT
    body = _WORD.pack(report.ssrc)
    if report.sender:
        sender = report.sender
        body += _SENDER.pack(sender.ntp, sender.timestamp, sender.packets, sender.octets)
    body += b"".join(_pack_block(block) for block in report.blocks)
    return _packet(kind, len(report.blocks), body) + _description(report.ssrc, cname)


def build_bye(report: Report, cname: str) -> bytes:
    """Return the compound packet of a last report and the goodbye."""
    return build_report(report, cname) + _packet(_BYE, 1, _WORD.pack(report.ssrc))


def parse(data: bytes) -> list[Report | Bye]:
    """Return the reports and goodbyes of a compound packet; other kinds are skipped.

    Raises:
        RtcpError: another version, or lengths that do not fit.
    """
    found: list[Report | Bye] = []
    if not data:
        raise RtcpError("empty")
    while data:
        if len(data) < _HEADER.size:
            raise RtcpError("shorter than a header")
        flags, kind, words = _HEADER.unpack_from(data)
        end = _HEADER.size + 4 * words
        if flags >> 6 != _VERSION >> 6 or kind not in _KINDS or end > len(data):
            raise RtcpError("no RTCP version 2, or longer than the datagram")
        item = _parse_one(kind, flags & 0x1F, data[_HEADER.size : end])
        found += [item] if item else []
        data = data[end:]
    return found


def _parse_one(kind: int, count: int, body: bytes) -> Report | Bye | None:
    try:
        if kind in (_SENDER_REPORT, _RECEIVER_REPORT):
            return _parse_report(kind, count, body)
        if kind == _BYE:
            return Bye(struct.unpack_from(f">{count}I", body))
    except struct.error as error:
        raise RtcpError("shorter than its count of items") from error
    return None


def _parse_report(kind: int, count: int, body: bytes) -> Report:
    start, sender = _WORD.size, None
    if kind == _SENDER_REPORT:
        sender = Sender(*_SENDER.unpack_from(body, start))
        start += _SENDER.size
    blocks = tuple(_unpack_block(body, start + index * _BLOCK.size) for index in range(count))
    (ssrc,) = _WORD.unpack_from(body)
    return Report(ssrc, sender, blocks)


def _unpack_block(body: bytes, start: int) -> Block:
    ssrc, losses, highest, jitter, last_report, delay = _BLOCK.unpack_from(body, start)
    lost = ((losses & 0xFF_FFFF) ^ 0x80_0000) - 0x80_0000  # a signed number of 24 bits
    return Block(ssrc, losses >> 24, lost, highest, jitter, last_report, delay)


def _pack_block(block: Block) -> bytes:
    lost = min(max(block.lost, -0x80_0000), 0x7F_FFFF) & 0xFF_FFFF
    return _BLOCK.pack(
        block.ssrc, block.fraction << 24 | lost, block.highest, block.jitter, block.last_report, block.delay
    )


def _description(ssrc: int, cname: str) -> bytes:
    item = _WORD.pack(ssrc) + bytes([_CNAME, len(cname)]) + cname.encode("ascii")
    return _packet(_DESCRIPTION, 1, item + bytes(4 - len(item) % 4))


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(_VERSION | count, kind, len(body) // 4) + body
