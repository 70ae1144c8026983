"""SRTP and SRTCP with keys from the SDP (SDES, RFC 4568), done by libsrtp: AES_CM_128_HMAC_SHA1_80."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from pylibsrtp import Error, Policy, Session

SUITE: Final = "AES_CM_128_HMAC_SHA1_80"

_KEY_BYTES: Final = 30  # 128-bit master key and 112-bit salt


class SrtpError(ValueError):
    """A key that is none, or a packet that is not the peer's."""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """The keys of both directions.

    Args:
        local: what our packets are protected with; the base64 text of our `a=crypto` line.
        remote: what the peer's packets are protected with; the base64 text of its line.
    """

    local: str = field(repr=False)
    remote: str = field(repr=False)


class Srtp:
    """Protects what we send and opens what the peer sends.

    Args:
        keys: both directions.

    Raises:
        SrtpError: a key is not 30 bytes in base64.
    """

    def __init__(self, keys: SrtpKeys) -> None:
        self._out = Session(Policy(_master(keys.local), Policy.SSRC_ANY_OUTBOUND))
        self._in = Session(Policy(_master(keys.remote), Policy.SSRC_ANY_INBOUND))

    def protect(self, packet: bytes) -> bytes:
        """Return an RTP packet protected."""
        return self._out.protect(packet)

    def protect_control(self, packet: bytes) -> bytes:
        """Return a compound RTCP packet protected."""
        return self._out.protect_rtcp(packet)

    def open(self, data: bytes) -> bytes:
        """Return the RTP packet in a datagram.

        Raises:
            SrtpError: it is forged, repeated or no SRTP.
        """
        try:
            return self._in.unprotect(data)
        except (Error, ValueError) as error:
            raise SrtpError(str(error)) from error

    def open_control(self, data: bytes) -> bytes:
        """Return the compound RTCP packet in a datagram.

        Raises:
            SrtpError: it is forged, repeated or no SRTCP.
        """
        try:
            return self._in.unprotect_rtcp(data)
        except (Error, ValueError) as error:
            raise SrtpError(str(error)) from error


def _master(key: str) -> bytes:
    try:
        master = base64.b64decode(key, validate=True)
    except binascii.Error:
        raise SrtpError("the SRTP key is not base64") from None
    if len(master) != _KEY_BYTES:
        raise SrtpError(f"the SRTP key has {len(master)} bytes instead of {_KEY_BYTES}")
    return master
