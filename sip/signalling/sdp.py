"""Session descriptions: reading and writing the part of SDP that telephones use (RFC 4566, 3551, 4568)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from sip import addresses

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of an SDP media line (RFC 4566 5.14, RFC 3551).

    Args:
        payload: RTP payload type number, 0..127.
        name: "PCMA", "PCMU", "G722", "CN" or "telephone-event".
        rate: RTP clock in Hz.
        fmtp: format parameters, e.g. "0-16".
    """

    payload: int
    name: str
    rate: int = 8000
    fmtp: str = ""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One SDES key (RFC 4568): `key` is the base64 text after `inline:` without lifetime and MKI."""

    tag: int
    suite: str
    key: str


PCMU = Codec(0, "PCMU")
PCMA = Codec(8, "PCMA")
EVENTS = Codec(101, "telephone-event", 8000, "0-16")
# Payload types that need no rtpmap (RFC 3551 6).
STATIC = {0: PCMU, 8: PCMA, 9: Codec(9, "G722"), 13: Codec(13, "CN")}
SIZE_LIMIT = 16_384
SDP_TYPE = "application/sdp"
_DIRECTIONS: dict[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "sendonly",
    "recvonly": "recvonly",
    "inactive": "inactive",
}
_MEDIA = re.compile(r"([a-z]+) ([0-9]{1,5})(?:/[0-9]+)? ([A-Za-z0-9/]+) ([^\r\n]+)")
_CRYPTO = re.compile(r"([0-9]{1,9}) ([A-Z0-9_]+) inline:([A-Za-z0-9+/=]+)(\|[^ ]*)?(?: (.+))?")
_RTPMAP = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9\-_.]+)/([0-9]{1,6})(?:/([0-9]+))?")
_PORTS = 65_536


class SdpError(ValueError):
    """The description cannot be read."""


@dataclass(slots=True)
class Section:
    """One media line with its attributes; `address` is the session's unless the section has its own."""

    media: str
    port: int
    profile: str
    formats: tuple[str, ...]
    address: str = ""
    direction: Direction = "sendrecv"
    ptime: int = 0
    maxptime: int = 0
    rtcp_port: int = 0
    crypto: list[Crypto] = field(default_factory=list)
    rtpmaps: dict[int, tuple[str, int]] = field(default_factory=dict)
    fmtps: dict[int, str] = field(default_factory=dict)

    def codecs(self) -> Iterator[Codec]:
        """Give the payload types in the peer's order, names in our spelling."""
        for text in self.formats:
            payload = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1  # noqa: PLR2004  # three digits
            if payload in self.rtpmaps:
                name, rate = self.rtpmaps[payload]
                yield Codec(payload, name, rate, self.fmtps.get(payload, ""))
            elif payload in STATIC:
                yield STATIC[payload]


def read(body: bytes) -> list[Section]:
    """Read a description's media sections.

    Raises:
        SdpError: not SDP, too large, or a malformed media or connection line.
    """
    if len(body) > SIZE_LIMIT:
        raise SdpError("too large")
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != "v=0":
        raise SdpError("no version line")
    session = Section("", 0, "", ())
    sections: list[Section] = []
    for line in lines[1:]:
        kind, value = line[:2], line[2:].rstrip()
        if kind == "m=":
            sections.append(_media(value, session))
        elif kind == "c=":
            (sections[-1] if sections else session).address = _connection(value)
        elif kind == "a=":
            _attribute(sections[-1] if sections else session, value)
    if not sections:
        raise SdpError("no media line")
    return sections


def _media(value: str, session: Section) -> Section:
    found = _MEDIA.fullmatch(value)
    if not found or int(found[2]) >= _PORTS:
        raise SdpError("malformed media line")
    return Section(
        found[1],
        int(found[2]),
        found[3].upper(),
        tuple(found[4].split()),
        session.address,
        session.direction,
        session.ptime,
    )


def _connection(value: str) -> str:
    parts = value.split()
    if len(parts) != 3 or parts[0] != "IN":  # noqa: PLR2004  # nettype, addrtype, address
        raise SdpError("malformed connection line")
    try:
        return str(addresses.read(addresses.bare(parts[2].partition("/")[0])))
    except ValueError:
        raise SdpError("connection is no IP address") from None


def _attribute(section: Section, value: str) -> None:
    name, _, rest = value.partition(":")
    if name in _DIRECTIONS:
        section.direction = _DIRECTIONS[name]
    elif name == "rtpmap":
        _rtpmap(section, rest)
    elif name == "fmtp":
        payload, _, text = rest.partition(" ")
        section.fmtps[_number(payload)] = text.strip()
    elif name == "ptime":
        section.ptime = _number(rest)
    elif name == "maxptime":
        section.maxptime = _number(rest)
    elif name == "rtcp":
        section.rtcp_port = _number(rest.partition(" ")[0])
    elif name == "crypto":
        _crypto(section, rest)


def _number(text: str) -> int:
    """Read a small number, 0 for anything else ("20.0" is seen in the wild)."""
    digits = text.strip().partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0  # noqa: PLR2004  # up to five digits


_NAMES = {"pcma": "PCMA", "pcmu": "PCMU", "g722": "G722", "cn": "CN", "telephone-event": "telephone-event"}


def _rtpmap(section: Section, rest: str) -> None:
    found = _RTPMAP.match(rest)
    if not found or found[4] not in {None, "1"}:
        return
    name = found[2]
    section.rtpmaps[int(found[1])] = (_NAMES.get(name.lower(), name), int(found[3]))


def _crypto(section: Section, rest: str) -> None:
    """Keep keys that we can use: no MKI (it would stand in every packet), no weakening parameters."""
    found = _CRYPTO.fullmatch(rest.strip())
    if not found or found[5] or ":" in (found[4] or ""):
        return
    section.crypto.append(Crypto(int(found[1]), found[2], found[3]))
