"""SDP offer/answer (RFC 3264) for one telephone sound stream.

The signalling hands the media engine a `Sound`; the engine hands the signalling a `Local`. Nothing else
about sound crosses that border.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sip import addresses
from sip.signalling.sdp import EVENTS, PCMA, PCMU, Codec, Crypto, Direction, SdpError, Section, read

__all__ = [
    "EVENTS",
    "PCMA",
    "PCMU",
    "Codec",
    "Crypto",
    "Direction",
    "Local",
    "OfferError",
    "SdpError",
    "Sound",
    "Srtp",
    "accept",
    "answer",
    "read",
    "settle",
    "write",
]
_VOICE = ("PCMA", "PCMU")
_SHORTEST_MS, _LONGEST_MS = 10, 60
_SECURE = "RTP/SAVP"
_PLAIN = "RTP/AVP"

Srtp = Literal["off", "offered", "required"]


class OfferError(ValueError):
    """Offer and answer have no common ground (488)."""


@dataclass(frozen=True, slots=True)
class Local:
    """Our end of a leg's sound, as the media engine opened it.

    Args:
        address: IP address that the peer shall send RTP to.
        port: UDP port of RTP; RTCP is port + 1.
        codecs: what we speak, best first; voice codecs, then telephone-event.
        ptime: milliseconds of sound per packet that we like to receive.
        direction: "sendrecv" unless we hold the peer.
        crypto: our own SDES keys, one per suite, best first; () speaks plain RTP only.
        srtp: what our own offers hold: "off" plain RTP, "offered" plain RTP with keys that the peer may take
            up (RFC 8643), "required" RTP/SAVP. Answers follow the peer's offer, but a plain one is refused
            where SRTP is required.
    """

    address: str
    port: int
    codecs: tuple[Codec, ...] = (PCMA, PCMU, EVENTS)
    ptime: int = 20
    direction: Direction = "sendrecv"
    crypto: tuple[Crypto, ...] = ()
    srtp: Srtp = "off"


@dataclass(frozen=True, slots=True)
class Sound:
    """What both sides agreed on, seen from us.

    Args:
        address: IP address to send RTP to.
        port: UDP port to send RTP to.
        rtcp_port: UDP port to send RTCP to.
        codec: voice codec to send, under the peer's payload number.
        received: payload types that may arrive (voice and events), under our numbers.
        events: telephone-event to send, under the peer's number; None when the peer has none.
        ptime: milliseconds of sound per packet to send.
        direction: our direction; "sendrecv" and "sendonly" send, "sendrecv" and "recvonly" listen.
        remote_crypto: key that the peer's packets are protected with; None for plain RTP.
        local_crypto: key that our packets are to be protected with.
        srtp: how that was written: "off" plain, "offered" keys under RTP/AVP, "required" RTP/SAVP.
        hosts: further addresses that the peer's sound may come from, see `sip.signalling.nat`.
    """

    address: str
    port: int
    rtcp_port: int
    codec: Codec
    received: tuple[Codec, ...]
    events: Codec | None = None
    ptime: int = 20
    direction: Direction = "sendrecv"
    remote_crypto: Crypto | None = None
    local_crypto: Crypto | None = None
    srtp: Srtp = "off"
    hosts: frozenset[str] = frozenset()


def write(local: Local, session: int, version: int) -> bytes:
    """Write our offer: one audio line."""
    profile = _profile(local)
    keys = () if local.srtp == "off" else local.crypto
    return _head(local, session, version) + _section(local, profile, local.codecs, local.direction, keys)


def accept(body: bytes, local: Local, session: int, version: int) -> tuple[bytes, Sound]:
    """Answer an offer: the best audio line is taken, every other line declined with port 0 (RFC 3264 6).

    Returns:
        The answer's bytes, and what is agreed.

    Raises:
        SdpError: the offer cannot be read.
        OfferError: no audio line that we can speak.
    """
    return answer(read(body), local, session, version)


def answer(sections: Sequence[Section], local: Local, session: int, version: int) -> tuple[bytes, Sound]:
    """As `accept`, for an offer that is read already."""
    chosen = _choose(sections, local)
    sound = _agreed(chosen, local)
    written = _head(local, session, version)
    for section in sections:
        if section is not chosen:
            written += _declined(section)
            continue
        keys = (sound.local_crypto,) if sound.local_crypto else ()
        written += _section(local, section.profile, sound.received, sound.direction, keys)
    return written, sound


def settle(body: bytes, local: Local) -> Sound:
    """Read the answer to our offer.

    Raises:
        SdpError: the answer cannot be read.
        OfferError: it declines our audio line, or takes what was not offered.
    """
    section = read(body)[0]
    if section.media != "audio" or not section.port or section.profile != _profile(local):
        raise OfferError("the sound was declined")
    sound = _agreed(section, local if local.srtp != "off" else replace(local, crypto=()))
    ours = [own for own in local.codecs if any(_same(own, theirs) for theirs in section.codecs())]
    return replace(sound, received=tuple(ours))


def _profile(local: Local) -> str:
    return _SECURE if local.srtp == "required" else _PLAIN


def _choose(sections: Sequence[Section], local: Local) -> Section:
    usable = [section for section in sections if _usable(section, local)]
    if not usable:
        raise OfferError("no audio in common")
    return min(usable, key=lambda section: section.profile != _SECURE)


def _usable(section: Section, local: Local) -> bool:
    if section.media != "audio" or not section.port or not _within_reach(section, local):
        return False
    if section.profile not in {_PLAIN, _SECURE} or not any(_voices(section, local)):
        return False
    plain_serves = section.profile == _PLAIN and local.srtp != "required"
    return plain_serves or _keys(section, local) is not None


def _within_reach(section: Section, local: Local) -> bool:
    """Tell whether our socket can send there: it is of one address family; the unspecified address holds."""
    if not section.address or addresses.is_unspecified(section.address):
        return bool(section.address)
    return addresses.read(section.address).version == addresses.read(local.address).version


def _voices(section: Section, local: Local) -> Iterable[Codec]:
    return (
        theirs
        for theirs in section.codecs()
        if theirs.name in _VOICE and any(_same(own, theirs) for own in local.codecs)
    )


def _same(one: Codec, other: Codec) -> bool:
    return one.name == other.name and one.rate == other.rate


def _keys(section: Section, local: Local) -> tuple[Crypto, Crypto] | None:
    """Pair the first of the peer's keys whose suite we have with ours, under the peer's tag."""
    for theirs in section.crypto:
        for own in local.crypto:
            if own.suite == theirs.suite:
                return theirs, replace(own, tag=theirs.tag)
    return None


def _agreed(section: Section, local: Local) -> Sound:
    voice = next(iter(_voices(section, local)), None)
    if voice is None or not _within_reach(section, local):
        raise OfferError("no codec in common, or no address that we can send to")
    events = _events(section, voice)
    keys = _keys(section, local)
    if keys is None and (section.profile == _SECURE or local.srtp == "required"):
        raise OfferError("no SRTP key in common")
    return Sound(
        address=section.address,
        port=section.port,
        rtcp_port=section.rtcp_port or section.port + 1,
        codec=voice,
        received=(voice, events) if events else (voice,),
        events=events,
        ptime=_ptime(section),
        direction=_mirrored(section, local),
        remote_crypto=keys[0] if keys else None,
        local_crypto=keys[1] if keys else None,
        srtp="off" if keys is None else "required" if section.profile == _SECURE else "offered",
    )


def _events(section: Section, voice: Codec) -> Codec | None:
    """Prefer the event type at the voice's clock (RFC 4733 2.1); take any other rather than none."""
    found = [codec for codec in section.codecs() if codec.name == "telephone-event"]
    fitting = [codec for codec in found if codec.rate == voice.rate]
    return next(iter(fitting or found), None)


def _ptime(section: Section) -> int:
    wanted = section.ptime or 20
    if section.maxptime:
        wanted = min(wanted, section.maxptime)
    return max(_SHORTEST_MS, min(_LONGEST_MS, wanted - wanted % 10 or _SHORTEST_MS))


def _mirrored(section: Section, local: Local) -> Direction:
    """Give our direction: the peer's seen from us, within what we ourselves want.

    The unspecified address is the old way to hold (RFC 2543): nothing may be sent there.
    """
    speaks = section.direction in {"sendrecv", "sendonly"}
    hears = section.direction in {"sendrecv", "recvonly"} and not addresses.is_unspecified(section.address)
    return direction(
        sends=hears and local.direction in {"sendrecv", "sendonly"},
        listens=speaks and local.direction in {"sendrecv", "recvonly"},
    )


def direction(*, sends: bool, listens: bool) -> Direction:
    """Name a direction."""
    if sends:
        return "sendrecv" if listens else "sendonly"
    return "recvonly" if listens else "inactive"


def _head(local: Local, session: int, version: int) -> bytes:
    family = f"IN IP{addresses.read(local.address).version} {addresses.bare(local.address)}"
    return f"v=0\r\no=- {session} {version} {family}\r\ns=-\r\nc={family}\r\nt=0 0\r\n".encode()


def _section(
    local: Local,
    profile: str,
    codecs: Sequence[Codec],
    way: Direction,
    keys: Sequence[Crypto],
) -> bytes:
    numbers = " ".join(str(codec.payload) for codec in codecs)
    lines = [f"m=audio {local.port} {profile} {numbers}"]
    for codec in codecs:
        lines.append(f"a=rtpmap:{codec.payload} {codec.name}/{codec.rate}")
        if codec.name == "telephone-event":
            lines.append(f"a=fmtp:{codec.payload} 0-16")
    lines += [f"a=crypto:{key.tag} {key.suite} inline:{key.key}" for key in keys]
    lines += [f"a=ptime:{local.ptime}", f"a={way}", ""]
    return "\r\n".join(lines).encode()


def _declined(section: Section) -> bytes:
    return f"m={section.media} 0 {section.profile} {' '.join(section.formats)}\r\n".encode()
