"""A bare SIP peer for tests: sends what it is told, byte for byte, and hands over what arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from sip.signalling.leg import Leg
from sip.signalling.message import Message, Request, Response, parse
from sip.signalling.offer import Local
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import Listen, PhoneSettings

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
)
LIMIT_S = 20.0  # far beyond what anything here takes, even on a busy machine
OURS = Local("127.0.0.1", 42000)
FAST = PhoneSettings(listen=(Listen(port=0),), t1_s=0.02, session_expires_s=0)


class Peer(asyncio.DatagramProtocol):
    """One UDP socket that talks SIP by hand."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.target = ("127.0.0.1", 0)
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.target = addr
        self.inbox.put_nowait(data)

    def send(self, data: bytes | Message) -> None:
        assert self._transport
        self._transport.sendto(bytes(data), self.target)

    async def receive(self, seconds: float = LIMIT_S) -> Message:
        return parse(await asyncio.wait_for(self.inbox.get(), seconds))

    async def response(self, status: int) -> Response:
        """Wait for a response with this status, passing over everything else."""
        while True:
            found = await self.receive()
            if isinstance(found, Response) and found.status == status:
                return found

    async def final(self) -> Response:
        """Wait for the next final response."""
        while True:
            found = await self.receive()
            if isinstance(found, Response) and found.status >= 200:
                return found

    async def request(self, method: str) -> Request:
        """Wait for a request of this method, passing over everything else."""
        while True:
            found = await self.receive()
            if isinstance(found, Request) and found.method == method:
                return found

    def silent(self) -> bool:
        return self.inbox.empty()

    def close(self) -> None:
        if self._transport:
            self._transport.close()


@dataclass
class House:
    """A phone under test, a peer that talks to it, and what the phone told."""

    phone: Phone
    peer: Peer
    legs: asyncio.Queue[Leg] = field(default_factory=asyncio.Queue)
    told: list[tuple[str, object]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, what: str, value: object) -> None:
        self.told.append((what, value))
        self.news.set()

    def take(self, leg: Leg) -> None:
        leg.on_ended = lambda by: self.tell("ended", by)
        leg.on_confirmed = lambda: self.tell("confirmed", None)
        leg.on_digit = lambda digit, ms: self.tell("digit", (digit, ms))
        leg.on_sound = lambda sound: self.tell("sound", sound.direction)
        leg.on_ringing = lambda: self.tell("ringing", None)
        self.legs.put_nowait(leg)

    async def leg(self) -> Leg:
        return await asyncio.wait_for(self.legs.get(), LIMIT_S)

    async def until(self, *wanted: tuple[str, object]) -> None:
        """Wait until the phone has told all of `wanted`."""
        async with asyncio.timeout(LIMIT_S):
            while not all(one in self.told for one in wanted):
                self.news.clear()
                await self.news.wait()

    async def counted(self, kind: str, least: int) -> None:
        """Wait until the phone has counted something `least` times; counters wake nobody, so this looks."""
        async with asyncio.timeout(LIMIT_S):
            while self.phone.counters[kind] < least:  # noqa: ASYNC110  # as said above
                await asyncio.sleep(0.002)


@asynccontextmanager
async def bare_peer(port: int = 0) -> AsyncIterator[Peer]:
    """Open a peer on loopback; port 0 is a free one."""
    peer = Peer()
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: peer, local_addr=("127.0.0.1", port))
    try:
        yield peer
    finally:
        peer.close()


@asynccontextmanager
async def house(
    settings: PhoneSettings = FAST, on_invite: Callable[[Leg], None] | None = None, port: int = 0
) -> AsyncIterator[House]:
    """Open a phone and a peer on free loopback ports; on `port` the peer, if that is not 0."""
    built: list[House] = []

    def invited(leg: Leg) -> None:
        built[0].take(leg)
        if on_invite:
            on_invite(leg)

    phone = Phone(settings, invited)
    await phone.open()
    async with bare_peer(port) as peer:
        peer.target = phone.address()
        built.append(House(phone, peer))
        try:
            yield built[0]
        finally:
            await phone.close()


def dial(home: House, **more: str) -> Leg:
    """Let the phone call the peer."""
    leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", OURS, **more)
    home.take(leg)
    return leg


def contact(home: House) -> str:
    """Write the peer's Contact."""
    return f"Contact: <sip:peer@127.0.0.1:{home.peer.port}>"


def settings(**changes: object) -> PhoneSettings:
    return replace(FAST, **changes)  # type: ignore[arg-type]


@dataclass
class Call:
    """The requests of one call, written by hand."""

    port: int
    call_id: str = "call-1@peer"
    user: str = "030555"
    sender: str = "+4917112345"
    to_tag: str = ""
    seq: int = 1
    contact: str = ""
    target: str = ""
    extra: str = ""

    def request(
        self, method: str, body: bytes = b"", branch: str = "", extra: str = "", seq: int = 0
    ) -> bytes:
        seq = seq or self.seq
        tag = f";tag={self.to_tag}" if self.to_tag else ""
        branch = branch or f"z9hG4bK-{self.call_id}-{seq}-{method}"
        contact = self.contact or f"<sip:peer@127.0.0.1:{self.port}>"
        uri = self.target or f"sip:{self.user}@127.0.0.1"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch};rport",
            f"From: <sip:{self.sender}@127.0.0.1>;tag=peer",
            f"To: <sip:{self.user}@127.0.0.1>{tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {seq} {method}",
            "Max-Forwards: 70",
            f"Contact: {contact}",
        ]
        if body and "Content-Type" not in extra:
            lines.append("Content-Type: application/sdp")
        lines += [line for line in (self.extra + extra).split("\n") if line]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body

    def invite(self, body: bytes = SDP, **more: str) -> bytes:
        return self.request("INVITE", body, **more)

    def within(self, method: str, body: bytes = b"", extra: str = "") -> bytes:
        """Write the next request within the dialog."""
        self.seq += 1
        return self.request(method, body, extra=extra)

    def ack(self, body: bytes = b"", seq: int = 0) -> bytes:
        return self.request("ACK", body, seq=seq, branch=f"z9hG4bK-ack-{self.call_id}-{seq or self.seq}")


async def establish(home: House, call: Call, local: Local = OURS, body: bytes = SDP) -> Leg:
    """Make an incoming call and acknowledge it."""
    home.peer.send(call.invite(body))
    leg = await home.leg()
    leg.answer(local)
    answer = await home.peer.response(200)
    call.to_tag = answer.to.tag
    home.peer.send(call.ack(SDP if not body else b""))
    await home.until(("confirmed", None))
    return leg


def answer_to(asked: Request, status: int, tag: str = "", body: bytes = b"", extra: str = "") -> bytes:
    """Write the answer of a peer by hand."""
    to = asked.headers.get("To") + (f";tag={tag}" if tag and not asked.to.tag else "")
    lines = [
        f"SIP/2.0 {status} Whatever",
        f"Via: {asked.headers.get('Via')}",
        f"From: {asked.headers.get('From')}",
        f"To: {to}",
        f"Call-ID: {asked.call_id}",
        f"CSeq: {asked.cseq}",
    ]
    if body:
        lines.append("Content-Type: application/sdp")
    lines += [line for line in extra.split("\n") if line]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body
