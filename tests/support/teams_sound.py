"""SRTP of a call with Teams' stand-in, by pylibsrtp."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import secrets
import struct
from collections.abc import Iterator

from pylibsrtp import Error, Policy, Session

from tests.support.simple_sound import ALAW, FRAME_S, KEYS
from tests.support.teams_rules import SUITE

SPEECH = b"\x2a" * 160
EARLY = b"\x2b" * 160
MKI = b"\x01"
TAG = 10  # bytes of SRTP's authentication tag in this suite


def _policy(key: str, kind: int) -> Policy:
    return Policy(
        key=base64.b64decode(key), ssrc_type=kind, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    )


def _key_frames(key: str, stamp: int) -> Iterator[tuple[int, int, bytes]]:
    """Give the frames of a key of 80 ms (RFC 4733); payload type 0 stands for the agreed one."""
    code = KEYS.index(key)
    for step in range(1, 5):
        yield 0, stamp, struct.pack(">BBH", code, 10, 160 * step)
    for _ in range(3):
        yield 0, stamp, struct.pack(">BBH", code, 0x8A, 640)


def new_key() -> str:
    """Return a fresh master key with salt."""
    return base64.b64encode(secrets.token_bytes(30)).decode()


class SecureSound(asyncio.DatagramProtocol):
    """SRTP of one call; frames that do not open with the agreed key count as rejected."""

    def __init__(self) -> None:
        self.key = new_key()
        self.heard: list[bytes] = []
        self.rejected = 0
        self.mki = False
        self.short = True  # its offers begin with the suite of the short tag, as Teams' do
        self.news = asyncio.Event()
        self.keys: list[str] = []
        self._events = 0
        self._in: Session | None = None
        self._speech: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, host: str) -> SecureSound:
        """Listen on a free port of `host`."""
        _, sound = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=(host, 0))
        return sound

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, _address: object) -> None:
        if self._in is None or data[1] & 0x7F != ALAW:
            return
        try:
            self.heard.append(self._in.unprotect(data)[12:])
        except Error:
            self.rejected += 1
        self.news.set()

    def agree(self, sdp: str, *, speech: bytes = SPEECH) -> None:
        """Take the other side's key and address from its SDP and begin to speak."""
        self._in = Session(_policy(key_in(sdp)[1], Policy.SSRC_ANY_INBOUND))
        host, port = re.search(r"c=IN IP4 (\S+)", sdp), re.search(r"m=audio (\d+)", sdp)
        assert host is not None
        assert port is not None
        events = re.search(r"a=rtpmap:(\d+) telephone-event/8000", sdp)
        self._events = int(events[1]) if events else 0
        self.silent()
        spoken = self._speak((host[1], int(port[1])), MKI if self.mki else b"", speech)
        self._speech = asyncio.get_running_loop().create_task(spoken)

    async def _speak(self, to: tuple[str, int], mki: bytes, speech: bytes) -> None:
        out = Session(_policy(self.key, Policy.SSRC_ANY_OUTBOUND))
        ssrc = secrets.randbits(32)
        pressed: Iterator[tuple[int, int, bytes]] = iter(())
        for number in range(65_000):
            if self.keys:
                pressed = _key_frames(self.keys.pop(0), number * 160)
            kind, stamp, payload = next(pressed, (ALAW, number * 160, speech))
            kind = kind or self._events
            sealed = out.protect(struct.pack(">BBHII", 0x80, kind, number, stamp, ssrc) + payload)
            with contextlib.suppress(OSError):
                self.transport.sendto(sealed[:-TAG] + mki + sealed[-TAG:], to)
            await asyncio.sleep(FRAME_S)

    def silent(self) -> None:
        """Stop speaking."""
        if self._speech is not None:
            self._speech.cancel()

    def close(self) -> None:
        self.silent()
        self.transport.close()

    async def until(self, frames: int) -> None:
        """Wait until so many more frames were heard."""
        wanted = len(self.heard) + frames
        async with asyncio.timeout(20):
            while len(self.heard) < wanted:
                self.news.clear()
                await self.news.wait()


def key_in(sdp: str) -> tuple[str, str]:
    """Return tag and key of the one suite that Teams takes."""
    found = re.search(rf"a=crypto:(\d+) {SUITE} inline:([^|\s]+)", sdp)
    assert found is not None, sdp
    return found[1], found[2]


def offer(sound: SecureSound, direction: str = "sendrecv") -> str:
    """Return SDP as Teams offers it: many codecs, _32 first with tag 0, comfort noise, two clock rates."""
    sound.mki = False
    short = f"a=crypto:0 AES_CM_128_HMAC_SHA1_32 inline:{new_key()}|2^31\r\n" if sound.short else ""
    return (
        f"v=0\r\no=- 91249 0 IN IP4 {sound.host}\r\ns=session\r\nc=IN IP4 {sound.host}\r\nb=CT:10000000\r\n"
        f"t=0 0\r\nm=audio {sound.port} RTP/SAVP 104 9 0 {ALAW} 13 118 101 97\r\nc=IN IP4 {sound.host}\r\n"
        f"a=rtcp:{sound.port + 1}\r\na=x-candidate-info:network-type=wired\r\n"
        f"{short}a=crypto:1 {SUITE} inline:{sound.key}|2^31\r\n"
        f"a=rtpmap:104 SILK/16000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n"
        f"a=rtpmap:{ALAW} PCMA/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:118 CN/16000\r\n"
        f"a=rtpmap:101 telephone-event/16000\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-16\r\n"
        f"a=ptime:20\r\na={direction}\r\n"
    )


def answer(sound: SecureSound, offered: str) -> str:
    """Return SDP as Teams answers it: a lifetime, perhaps an MKI, and a second key that nobody asked for."""
    tag, _ = key_in(offered)
    found = re.search(r"a=rtpmap:(\d+) telephone-event/8000", offered)
    events = found[1] if found else "101"
    life = "|2^31|1:1" if sound.mki else "|2^31"
    return (
        f"v=0\r\no=- 0 0 IN IP4 {sound.host}\r\ns=session\r\nc=IN IP4 {sound.host}\r\nb=CT:10000000\r\n"
        f"t=0 0\r\nm=audio {sound.port} RTP/SAVP {ALAW} {events}\r\nc=IN IP4 {sound.host}\r\n"
        f"a=crypto:{tag} {SUITE} inline:{sound.key}{life}\r\n"
        f"a=crypto:{int(tag) + 1} {SUITE} inline:{new_key()}|2^31\r\na=rtpmap:{ALAW} PCMA/8000\r\n"
        f"a=rtpmap:{events} telephone-event/8000\r\na=sendrecv\r\n"
    )
