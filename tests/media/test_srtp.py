"""Protected sound."""

from __future__ import annotations

import base64

import pytest

from sip.media import rtp
from sip.media.srtp import Srtp, SrtpError, SrtpKeys

OURS = base64.b64encode(bytes(range(30))).decode()
THEIRS = base64.b64encode(bytes(range(30, 60))).decode()
PACKET = rtp.build(rtp.Packet(rtp.PCMA, 65535, 1, 2, b"sound" * 32))


def pair() -> tuple[Srtp, Srtp]:
    return Srtp(SrtpKeys(OURS, THEIRS)), Srtp(SrtpKeys(THEIRS, OURS))


def test_what_one_side_protects_the_other_opens() -> None:
    one, other = pair()
    protected = one.protect(PACKET)
    assert len(protected) == len(PACKET) + 10
    assert b"sound" not in protected
    assert other.open(protected) == PACKET


def test_control_packets_are_protected_too() -> None:
    one, other = pair()
    report = b"\x80\xc9\x00\x01\x00\x00\x00\x02"
    assert other.open_control(one.protect_control(report)) == report


def test_a_forged_repeated_or_plain_packet_is_refused() -> None:
    one, other = pair()
    protected = one.protect(PACKET)
    other.open(protected)
    for wrong in (protected, protected[:-1] + bytes([protected[-1] ^ 1]), PACKET, b"", b"x" * 5000):
        with pytest.raises(SrtpError):
            other.open(wrong)


@pytest.mark.parametrize("key", ["", "not base64!", base64.b64encode(bytes(29)).decode()])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(SrtpError):
        Srtp(SrtpKeys(key, THEIRS))


def test_keys_are_not_shown() -> None:
    assert OURS not in repr(SrtpKeys(OURS, THEIRS))
