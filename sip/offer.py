"""SDP offer/answer (RFC 3264) for one telephone sound stream.

The signalling hands the media engine a `Sound`; the engine hands the signalling a `Local`. Nothing else
about sound crosses that border.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


PCMU = Codec(0, "PCMU")
PCMA = Codec(8, "PCMA")
EVENTS = Codec(101, "telephone-event", 8000, "0-16")


@dataclass(frozen=True, slots=True)
class Crypto:
    """One SDES key (RFC 4568): `key` is the base64 text after `inline:` without lifetime and MKI."""

    tag: int
    suite: str
    key: str


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
        secure: offer RTP/SAVP when we make the offer (an answer follows the peer's offer).
    """

    address: str
    port: int
    codecs: tuple[Codec, ...] = (PCMA, PCMU, EVENTS)
    ptime: int = 20
    direction: Direction = "sendrecv"
    crypto: tuple[Crypto, ...] = ()
    secure: bool = False


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
