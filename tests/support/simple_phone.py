"""A small SIP telephone of the tests' own: nothing of it comes from the code that it calls.

UDP, A-law, RFC 4733 keys. It counts and compares every packet it hears, which a ready-made phone does not.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from tests.support.simple_sound import ALAW, EVENTS, FRAME_S, Sound

SILENCE = 0xD5
ABSENT_S, LATE_S = 1.0, 3.5
"""Who asks a telephone by OPTIONS and repeats it in vain while it is away this long, may say after it came
that it does not answer: within this time (Asterisk's qualify_timeout of 3 s, repeated after 0.5 and 1.5; the
rest is for an Asterisk that was held up)."""


@dataclass
class Sip:
    """A message: start line, headers by lower-case name, body."""

    start: str
    headers: list[tuple[str, str]]
    body: str = ""

    @classmethod
    def read(cls, data: bytes) -> Sip:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return cls(start, [(name.strip().lower(), value.strip()) for name, _, value in pairs], body)

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def method(self) -> str:
        return self.start.split()[0]

    @property
    def has_tag(self) -> bool:
        """Whether it belongs to a call that is already there."""
        return "tag=" in self.get("to")

    @property
    def status(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0


@dataclass
class Talk:
    """One call of the phone, either way."""

    phone: Phone
    call_id: str
    invite: Sip
    incoming: bool
    sound: Sound
    remote: tuple[str, int]
    local_tag: str = field(default_factory=lambda: secrets.token_hex(4))
    answered: asyncio.Future[Sip] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    statuses: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    peer_to: str = ""
    target: str = ""
    talking: bool = True
    voice: int = SILENCE
    _cseq: int = 1
    _speech: asyncio.Task[None] | None = None

    @property
    def frames(self) -> list[int]:
        """What was heard, one number for each frame of equal bytes, silence left out."""
        return self.sound.frames

    @property
    def codes(self) -> list[int]:
        """What was heard, one number for each stretch of equal frames."""
        return [code for code, _ in itertools.groupby(self.frames)]

    async def until(self, true: Callable[[], bool], seconds: float = 20) -> None:
        """Wait for something heard.

        Raises:
            AssertionError: it was not heard in time; says what was, and how the call stands.
        """
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    self.sound.news.clear()
                    await self.sound.news.wait()
        except TimeoutError:
            raise AssertionError(f"not heard within {seconds} s: {self.story()}") from None

    def story(self) -> str:
        """Tell how the call stands, for who looks why a test failed."""
        return (
            f"{'over' if self.ended.is_set() else 'up'}, {self.invite.start} from {self.invite.get('from')}, "
            f"{len(self.sound.heard)} packets, heard {self.codes[-20:]}, then {self.told}"
        )

    async def press(self, keys: str) -> float:
        """Press keys one after the other; return when the last one ended."""
        at = 0.0
        for key in keys:
            at = await self.sound.press(key)
            await asyncio.sleep(0.05)  # people leave a gap; what becomes of keys without one is tested apart
        return at

    def begin_sound(self, sdp: str) -> None:
        """Send silence to where the other side listens, until the call ends."""
        host = re.search(r"c=IN IP4 (\S+)", sdp)
        port = re.search(r"m=audio (\d+)", sdp)
        assert host is not None
        assert port is not None
        self.sound.to = (host[1], int(port[1]))
        self._speech = asyncio.get_running_loop().create_task(self._speak())

    async def _speak(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while not self.ended.is_set():
            self.sound.tick(self.voice, talking=self.talking)
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - clock()))

    def hold(self) -> None:
        """Put the other side on hold as PBXs do: it may listen, but not be heard."""
        self._cseq += 1
        sdp = self.phone.sdp(self.sound.port, "sendonly")
        head = self.request("INVITE", self._cseq).removesuffix("Content-Length: 0\r\n\r\n")
        kind = f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n"
        self.phone.send(self.remote, f"{head}{kind}{sdp}")

    def hang_up(self) -> None:
        """Send BYE; while it rings, CANCEL our call and refuse another's."""
        if self.ended.is_set():
            return
        if self.incoming and self._speech is None:
            self.phone.refuse(self, 480)
            return
        if self.incoming or (self.answered.done() and self.answered.result().status == 200):
            self.bye()
        else:
            self.phone.send(self.remote, self.request("CANCEL", 1, keep_branch=True))
        self.over()

    def bye(self) -> None:
        self._cseq += 1
        self.phone.send(self.remote, self.request("BYE", self._cseq))

    def over(self) -> None:
        self.ended.set()
        self.sound.close()
        if not self.answered.done():
            self.answered.cancel()

    def request(self, method: str, cseq: int, *, keep_branch: bool = False) -> str:
        """Write a request inside this call."""
        invite = self.invite
        mine, yours = invite.get("from"), self.peer_to or invite.get("to")
        if self.incoming:
            mine, yours = f"{invite.get('to')};tag={self.local_tag}", invite.get("from")
        via = invite.get("via") if keep_branch else self.phone.via()
        start = invite.start.split()[1] if keep_branch or not self.target else self.target
        return (
            f"{method} {start} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {mine}\r\nTo: {yours}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\nContact: {self.phone.contact}\r\n"
            "Content-Length: 0\r\n\r\n"
        )


Behaviour = Callable[[Talk], int]


class Phone(asyncio.DatagramProtocol):
    """One telephone; `behaves` says how it takes calls: 200, 180 (rings for ever), 486, 603, ..."""

    left: ClassVar[dict[tuple[str, int], float]] = {}
    believed: ClassVar[float] = 0.0
    """From when on (monotonic) nobody says any more of a telephone that it does not answer."""

    def __init__(self, host: str, name: str) -> None:
        self.host, self.name = host, name
        self.talks: dict[str, Talk] = {}
        self._invites: set[str] = set()
        self.arrived: asyncio.Queue[Talk] = asyncio.Queue()
        self.behaves: Behaviour = lambda _talk: 200
        self.shown = ""  # the name that its calls show
        self.answer_after = 0.0
        self.options_answer = 200

    @classmethod
    async def open(cls, host: str, name: str, port: int = 0) -> Phone:
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(lambda: cls(host, name), local_addr=(host, port))
        now = time.monotonic()
        if port and now - cls.left.get((host, port), 0.0) > ABSENT_S:
            Phone.believed = now + LATE_S
        return phone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    @property
    def contact(self) -> str:
        return f"<sip:{self.name}@{self.host}:{self.port}>"

    def via(self) -> str:
        return f"SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport"

    def send(self, to: tuple[str, int], text: str) -> None:
        self.transport.sendto(text.encode(), to)

    def leave(self) -> None:
        """Hang up, and take no more calls."""
        self.behaves = lambda _talk: 486
        for talk in self.talks.values():
            talk.hang_up()

    def close(self) -> None:
        self.leave()
        self.left[self.host, self.port] = time.monotonic()
        self.transport.close()

    async def call(self, user: str, host: str, port: int, *, caller: str = "", extra: str = "") -> Talk:
        """Invite; the talk's `answered` gives the final response."""
        sound = await self._sound()
        call_id = f"{secrets.token_hex(8)}@{self.host}"
        sdp = self.sdp(sound.port)
        shown = f'"{self.shown}" ' if self.shown else ""
        source = f"{shown}<sip:{caller or self.name}@{self.host}>"
        text = (
            f"INVITE sip:{user}@{host}:{port} SIP/2.0\r\nVia: {self.via()}\r\nMax-Forwards: 70\r\n"
            f"From: {source};tag={secrets.token_hex(4)}\r\nTo: <sip:{user}@{host}>\r\nCall-ID: {call_id}\r\n"
            f"CSeq: 1 INVITE\r\nContact: {self.contact}\r\n{extra}Content-Type: application/sdp\r\n"
            f"Content-Length: {len(sdp)}\r\n\r\n{sdp}"
        )
        talk = Talk(self, call_id, Sip.read(text.encode()), False, sound, (host, port))  # noqa: FBT003
        self.talks[call_id] = talk
        self.send((host, port), text)
        return talk

    async def _sound(self) -> Sound:
        loop = asyncio.get_running_loop()
        _, sound = await loop.create_datagram_endpoint(Sound, local_addr=(self.host, 0))
        return sound

    def sdp(self, port: int, direction: str = "sendrecv") -> str:
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {ALAW} {EVENTS}\r\na=rtpmap:{ALAW} PCMA/8000\r\n"
            f"a=rtpmap:{EVENTS} telephone-event/8000\r\na=fmtp:{EVENTS} 0-15\r\na={direction}\r\n"
        )

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        message = Sip.read(data)
        talk = self.talks.get(message.get("call-id"))
        if talk is not None:
            talk.told.append(message.start)
        if message.status:
            if talk is not None:
                self._response(talk, message)
        elif message.method == "INVITE" and not message.has_tag and message.get("call-id") in self._invites:
            pass  # said again: the first one is being answered
        elif message.method == "INVITE" and talk is None:
            self._invites.add(message.get("call-id"))
            task = asyncio.get_running_loop().create_task(self._invited(message, address))
            task.add_done_callback(lambda done: done.result())
        elif message.method == "ACK":
            pass
        elif message.method == "OPTIONS":
            self._answer(message, address, self.options_answer)
        else:
            self._answer(message, address, 200 if talk else 481)
            if talk is not None and message.method in ("BYE", "CANCEL"):
                if message.method == "CANCEL":
                    self._answer(talk.invite, address, 487, talk.local_tag)
                talk.over()

    def _response(self, talk: Talk, message: Sip) -> None:
        if "INVITE" not in message.get("cseq"):
            return
        talk.statuses.append(message.status)
        if message.status < 200:
            return
        talk.peer_to = message.get("to")
        ok = message.status == 200
        found = re.search(r"<([^>]+)>", message.get("contact"))
        talk.target = found[1] if ok and found else ""
        number = int(message.get("cseq").split()[0])
        self.send(talk.remote, talk.request("ACK", number, keep_branch=not ok))
        if talk.answered.cancelled() and ok:  # answered while our CANCEL was under way
            talk.bye()
        if talk.answered.done():
            return
        talk.answered.set_result(message)
        if ok:
            talk.begin_sound(message.body)
        else:
            talk.over()

    async def _invited(self, invite: Sip, address: tuple[str, int]) -> None:
        call_id = invite.get("call-id")
        self.talks[call_id] = talk = Talk(self, call_id, invite, True, await self._sound(), address)  # noqa: FBT003
        found = re.search(r"<([^>]+)>", invite.get("contact"))
        talk.target = found[1] if found else ""
        self.arrived.put_nowait(talk)
        self._answer(invite, address, 180, talk.local_tag)
        status = self.behaves(talk)
        if status == 180:
            return
        await asyncio.sleep(self.answer_after)
        if talk.ended.is_set():
            return
        sdp = self.sdp(talk.sound.port) if status == 200 else ""
        self._answer(invite, address, status, talk.local_tag, sdp)
        if status == 200:
            talk.begin_sound(invite.body)
        else:
            talk.over()

    def refuse(self, talk: Talk, status: int) -> None:
        """Answer a call that rings with a failure."""
        self._answer(talk.invite, talk.remote, status, talk.local_tag)
        talk.over()

    def _answer(
        self, request: Sip, address: tuple[str, int], status: int, tag: str = "", sdp: str = ""
    ) -> None:
        vias = "".join(f"Via: {via}\r\n" for via in request.all("via"))
        routes = "".join(f"Record-Route: {route}\r\n" for route in request.all("record-route"))
        to = request.get("to")
        to = f"{to};tag={tag}" if tag and "tag=" not in to else to
        kind = "Content-Type: application/sdp\r\n" if sdp else ""
        self.send(
            address,
            f"SIP/2.0 {status} X\r\n{vias}{routes}From: {request.get('from')}\r\nTo: {to}\r\n"
            f"Call-ID: {request.get('call-id')}\r\nCSeq: {request.get('cseq')}\r\nContact: {self.contact}\r\n"
            f"{kind}Content-Length: {len(sdp)}\r\n\r\n{sdp}",
        )
