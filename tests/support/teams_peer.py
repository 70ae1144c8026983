"""A strict stand-in for Microsoft Teams Direct Routing: TLS and SRTP, refusing what Teams refuses.

Its rules come from Microsoft's documentation ("SIP protocol", "Media", "Plan Direct Routing"), its judgement
uses nothing of the code that it judges.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import secrets
import ssl
import struct
from dataclasses import dataclass, field

from pylibsrtp import Error, Policy, Session

from tests.support.simple_phone import ALAW, FRAME_S, Sip

SUITE = "AES_CM_128_HMAC_SHA1_80"
UPPER = {"from": "FROM", "to": "TO", "call-id": "CALL-ID", "cseq": "CSEQ", "via": "VIA"}
SPEECH = b"\x2a" * 160
MKI = b"\x01"
TAG = 10  # bytes of SRTP's authentication tag in this suite


def judge(request: Sip, certified: frozenset[str]) -> tuple[int, str]:
    """Return 200, or the status and reason with which Teams turns a request away.

    Args:
        request: OPTIONS or INVITE from an SBC.
        certified: names in the certificate that the SBC showed.
    """
    contact = re.search(r"<sips?:(?:[^@>]*@)?([^:;>]+)", request.get("contact"))
    if contact is None:
        return 403, "no Contact"
    if contact[1] not in certified:
        return 403, f"Contact {contact[1]} is no name of the certificate"
    via = request.get("via").split()[1].partition(":")[0]
    if via not in certified:
        return 403, f"Via {via} is no name of the certificate"
    routes = request.all("record-route")
    if routes and not any(name in routes[0] for name in certified):
        return 403, "Record-Route begins with an address"
    if request.method == "OPTIONS":
        return 200, "OK"
    return _judge_invite(request)


def _judge_invite(invite: Sip) -> tuple[int, str]:
    if not re.match(r"sip:\+[1-9]\d+@", invite.start.split()[1]):
        return 404, "no + in the request"
    if not re.search(r"<sip:\+[1-9]\d+@", invite.get("from")):
        return 400, "no + in From"
    if "user=phone" not in invite.start:
        return 400, "no user=phone"
    if invite.get("replaces"):
        return 400, "Replaces"
    if "REFER" in invite.get("allow"):
        return 400, "REFER in Allow"
    return _judge_sdp(invite.body)


def _judge_sdp(sdp: str) -> tuple[int, str]:
    if "m=audio" not in sdp:
        return 488, "no SDP"
    if " RTP/SAVP " not in sdp:
        return 488, "no SRTP"
    if f" {SUITE} inline:" not in sdp:
        return 488, f"no {SUITE}"
    if "a=sendonly" in sdp:
        return 488, "sendonly: hold is inactive"
    return 200, "OK"


def _policy(key: str, kind: int) -> Policy:
    return Policy(
        key=base64.b64decode(key), ssrc_type=kind, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    )


class SecureSound(asyncio.DatagramProtocol):
    """SRTP of one call; frames that do not open with the agreed key count as rejected."""

    def __init__(self) -> None:
        self.key = base64.b64encode(secrets.token_bytes(30)).decode()
        self.heard: list[bytes] = []
        self.rejected = 0
        self.news = asyncio.Event()
        self._in: Session | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, _address: object) -> None:
        if self._in is None or data[1] & 0x7F != ALAW:
            return
        try:
            self.heard.append(self._in.unprotect(data)[12:])
        except Error:
            self.rejected += 1
        self.news.set()

    def agree(self, theirs: str) -> None:
        self._in = Session(_policy(theirs, Policy.SSRC_ANY_INBOUND))

    async def speak(self, to: tuple[str, int], mki: bytes) -> None:
        """Send speech until cancelled."""
        out = Session(_policy(self.key, Policy.SSRC_ANY_OUTBOUND))
        ssrc = secrets.randbits(32)
        for number in range(65_000):
            head = struct.pack(">BBHII", 0x80, ALAW, number, number * 160, ssrc)
            sealed = out.protect(head + SPEECH)
            self.transport.sendto(sealed[:-TAG] + mki + sealed[-TAG:], to)
            await asyncio.sleep(FRAME_S)

    async def until(self, frames: int) -> None:
        async with asyncio.timeout(10):
            while len(self.heard) < frames:
                self.news.clear()
                await self.news.wait()


@dataclass
class TeamsCall:
    """A call that reached the peer."""

    invite: Sip
    sound: SecureSound
    connection: _Connection
    speech: asyncio.Task[None] | None = None
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def over(self) -> None:
        self.ended.set()
        if self.speech is not None:
            self.speech.cancel()
        self.sound.transport.close()


class TeamsPeer:
    """One data centre.

    Args:
        host: its address.
        name: its name, e.g. sip.pstnhub.microsoft.com.
    """

    def __init__(self, host: str, name: str) -> None:
        self.host, self.name = host, name
        self.status = 200  # what calls that it accepts are answered with; 0: silence
        self.calls: asyncio.Queue[TeamsCall] = asyncio.Queue()
        self.requests: list[Sip] = []
        self.refused: list[tuple[int, str]] = []
        self.seen = asyncio.Event()
        self._connections: set[_Connection] = set()

    async def listen(self, port: int, tls: ssl.SSLContext) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, port, ssl=tls)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, writer)
        self._connections.add(connection)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                connection.received(await read_message(reader))
        self._connections.discard(connection)

    async def probed(self) -> None:
        """Wait for a third OPTIONS: by then the SBC has taken our first answers into account."""
        async with asyncio.timeout(15):
            while sum(request.method == "OPTIONS" for request in self.requests) < 3:
                self.seen.clear()
                await self.seen.wait()

    async def close(self) -> None:
        self._server.close()
        for connection in tuple(self._connections):
            connection.close()
        self._connections.clear()
        await self._server.wait_closed()


async def read_message(reader: asyncio.StreamReader) -> Sip:
    """Read one message off a stream (RFC 3261 18.3); keep-alives between messages are skipped."""
    head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
    while not head:
        head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
    length = int(Sip.read(head).get("content-length") or 0)
    return Sip.read(head + await reader.readexactly(length))


class _Connection:
    def __init__(self, peer: TeamsPeer, writer: asyncio.StreamWriter) -> None:
        self._peer = peer
        self._writer = writer
        shown = writer.get_extra_info("peercert") or {}
        self.certified = frozenset(value for kind, value in shown.get("subjectAltName", ()) if kind == "DNS")
        self._calls: dict[str, TeamsCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        for call in self._calls.values():
            if not call.ended.is_set():
                call.over()
        self._writer.close()

    def received(self, message: Sip) -> None:
        if message.status:
            return
        self._peer.requests.append(message)
        self._peer.seen.set()
        call = self._calls.get(message.get("call-id"))
        if message.method == "ACK":
            if call is not None:
                call.acknowledged.set()
        elif call is not None:
            self._in_call(call, message)
        elif message.method in ("OPTIONS", "INVITE"):
            self._judged(message)
        else:
            self.answer(message, 481, "Call Leg Does Not Exist")

    def _in_call(self, call: TeamsCall, message: Sip) -> None:
        self.answer(message, 200, "OK", tag="c")
        if message.method == "CANCEL":
            self.answer(call.invite, 487, "Request Terminated", tag="c")
        if message.method in ("BYE", "CANCEL"):
            call.over()

    def _judged(self, message: Sip) -> None:
        status, reason = judge(message, self.certified)
        if status != 200:
            self._peer.refused.append((status, reason))
            self.answer(message, status, reason, tag="r")
        elif message.method == "OPTIONS":
            self.answer(message, 200, "OK")  # without a To-tag, as Teams does
        else:
            task = asyncio.get_running_loop().create_task(self._invited(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _invited(self, invite: Sip) -> None:
        status = self._peer.status
        if status == 0:
            return
        self.answer(invite, 100, "Trying")
        if status != 200:
            extra = "RETRY-AFTER: 10\r\n" if status == 503 else ""
            self.answer(invite, status, "No", tag="x", extra=extra)
            return
        loop = asyncio.get_running_loop()
        _, sound = await loop.create_datagram_endpoint(SecureSound, local_addr=(self._peer.host, 0))
        call = self._calls[invite.get("call-id")] = TeamsCall(invite, sound, self)
        offered = re.search(rf"a=crypto:(\d+) {SUITE} inline:([^|\s]+)", invite.body)
        assert offered is not None
        sound.agree(offered[2])
        sdp = self._sdp(invite, sound, offered[1])
        self.answer(invite, 180, "Ringing", tag="a")
        self.answer(invite, 180, "Ringing", tag="b")
        self.answer(invite, 183, "Session Progress", tag="b", sdp=sdp)
        self.answer(invite, 200, "OK", tag="c", sdp=sdp)
        to = re.search(r"c=IN IP4 (\S+)", invite.body), re.search(r"m=audio (\d+)", invite.body)
        assert to[0] is not None
        assert to[1] is not None
        call.speech = loop.create_task(sound.speak((to[0][1], int(to[1][1])), MKI))
        self._peer.calls.put_nowait(call)

    def _sdp(self, invite: Sip, sound: SecureSound, tag: str) -> str:
        found = re.search(r"a=rtpmap:(\d+) telephone-event/8000", invite.body)
        events = found[1] if found else "101"
        host = self._peer.host
        return (
            f"v=0\r\no=- 0 0 IN IP4 {host}\r\ns=session\r\nc=IN IP4 {host}\r\nb=CT:10000000\r\nt=0 0\r\n"
            f"m=audio {sound.port} RTP/SAVP {ALAW} {events}\r\nc=IN IP4 {host}\r\n"
            f"a=crypto:{tag} {SUITE} inline:{sound.key}|2^31|1:1\r\na=rtpmap:{ALAW} PCMA/8000\r\n"
            f"a=rtpmap:{events} telephone-event/8000\r\na=sendrecv\r\n"
        )

    def answer(  # noqa: PLR0913  # a SIP answer has this many parts
        self, request: Sip, status: int, reason: str, *, tag: str = "", sdp: str = "", extra: str = ""
    ) -> None:
        """Answer as Teams writes: header names in capitals."""
        copied = ""
        for name, value in request.headers:
            if name == "record-route":
                copied += f"RECORD-ROUTE: {value}\r\n"
            elif name in UPPER:
                value = f"{value};tag={tag}" if name == "to" and tag and "tag=" not in value else value  # noqa: PLW2901
                copied += f"{UPPER[name]}: {value}\r\n"
        kind = "CONTENT-TYPE: application/sdp\r\n" if sdp else ""
        contact = f"CONTACT: <sip:{self._peer.name}:{self._port};transport=tls>\r\n"
        self._writer.write(
            (
                f"SIP/2.0 {status} {reason}\r\n{copied}{contact}{extra}"
                "ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY\r\nSERVER: Microsoft.PSTNHub.SIPProxy v.2020\r\n"
                f"{kind}CONTENT-LENGTH: {len(sdp)}\r\n\r\n{sdp}"
            ).encode()
        )

    @property
    def _port(self) -> int:
        return int(self._writer.get_extra_info("sockname")[1])
