"""A small real SIP caller that dials, presses keys and listens: `rufweiche call`, and a tool for tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from sip.addresses import told
from sip.hearing import Hearing
from sip.key_script import AwaitSilence, Entry, GiveUp, Pause, Press
from sip.media.engine import MediaEngine, Stream
from sip.parts import connect
from sip.signalling.core import bracketed
from sip.signalling.leg import Dialled, EndedBy, Leg
from sip.signalling.offer import Local, Sound
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import Listen, Peer, PhoneSettings
from sip.signalling.uri import parse_own

PORTS = (50_000, 59_999)
QUIET_S = 0.8  # longer than the pauses between sentences, shorter than patience
SPEECH_LIMIT_S = 30.0  # longest wait for the far side to finish
RING_S = 60.0
EVERYONE = Peer("anyone", ("0.0.0.0/0", "::/0"))


@dataclass(frozen=True, slots=True)
class Report:
    """How a call went.

    Args:
        outcome: what became of the INVITE.
        answered_ms: from INVITE to answer, None when nobody answered.
        heard_s: seconds of sound received.
        dbfs: level of the loud parts.
        ended_by: "caller" is the far side here, as in `sip.signalling.leg`.
    """

    outcome: Dialled
    answered_ms: float | None = None
    heard_s: float = 0.0
    dbfs: float = -96.0
    ended_by: EndedBy | None = None


@dataclass(slots=True)
class Talk:
    """One call, from dialling or answering to its end.

    Args:
        leg: its signalling.
        stream: its sound.
        hearing: what was heard.
    """

    leg: Leg
    stream: Stream
    hearing: Hearing = field(default_factory=Hearing)
    ended: asyncio.Future[EndedBy] = field(default_factory=asyncio.Future)
    answered_ms: float | None = None
    outcome: Dialled = "failed"

    def __post_init__(self) -> None:
        self.leg.on_sound, self.leg.on_ended = self._sound, self._over
        self.stream.record(self.hearing)

    async def answered(self, limit_s: float = RING_S) -> bool:
        """Wait for the answer; False when there is none within `limit_s`."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        try:
            self.outcome = await asyncio.wait_for(self.leg.answered(), limit_s)
        except TimeoutError:
            self.outcome = "no_answer"
            self.hang_up()
        if self.outcome == "answered":
            self.answered_ms = (loop.time() - since) * 1000
        return self.outcome == "answered"

    async def press(self, keys: str) -> None:
        """Press keys and wait until the last one is up."""
        done = asyncio.Event()
        self.hearing.forget()
        self.stream.send_keys(keys, done.set)
        pressing = asyncio.ensure_future(done.wait())
        await asyncio.wait((pressing, self.ended), return_when=asyncio.FIRST_COMPLETED)
        pressing.cancel()

    async def follow(self, script: tuple[Entry, ...]) -> None:
        """Do what the script says; a call that ends ends the script."""
        for entry in script:
            if self.ended.done():
                return
            match entry:
                case Press(keys):
                    await self.press(keys)
                case AwaitSilence():
                    await self.hearing.silence(QUIET_S, SPEECH_LIMIT_S)
                case Pause(seconds):
                    await asyncio.wait((self.ended,), timeout=seconds)
                case GiveUp():
                    self.hang_up()

    async def over(self, limit_s: float) -> EndedBy:
        """Wait for the far side to hang up; do it ourselves after `limit_s`."""
        await asyncio.wait((self.ended,), timeout=limit_s)
        self.hang_up()
        return await self.ended

    def hang_up(self) -> None:
        """End the call, if it still goes on."""
        if not self.ended.done():
            self.leg.hang_up()

    def report(self) -> Report:
        """Return how the call went so far."""
        heard = len(self.hearing.alaw) / 8000
        ended = self.ended.result() if self.ended.done() else None
        return Report(self.outcome, self.answered_ms, heard, self.hearing.active_dbfs(), ended)

    def _sound(self, sound: Sound) -> None:
        connect(self.stream, sound)

    def _over(self, by: EndedBy) -> None:
        self.stream.close()
        self.hearing.close()
        if not self.ended.done():
            self.ended.set_result(by)


def _busy(leg: Leg) -> None:
    leg.refuse(486)


class SmallPhone:
    """A telephone for one person; use it as an async context manager.

    Args:
        host: our address, see `own_address`.
        on_invite: takes calls in; by default they find us busy.
    """

    def __init__(self, host: str = "127.0.0.1", on_invite: Callable[[Leg], None] = _busy) -> None:
        settings = PhoneSettings(
            listen=(Listen("udp", host, 0),), peers=(EVERYONE,), user_agent="rufweiche call"
        )
        self._phone = Phone(settings, on_invite)
        self._engine = MediaEngine(host, PORTS)
        self._host = host

    async def __aenter__(self) -> Self:
        self._engine.start()
        await self._phone.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._phone.close()
        self._engine.stop()

    def dial(self, target: str, number: str = "") -> Talk:
        """Call a SIP URI; `number` is shown to the called side, "" withholds it."""
        stream = self._engine.open()
        leg = self._phone.call(target, Local(self._host, stream.port), caller=number or "anonymous")
        return Talk(leg, stream)

    def take(self, leg: Leg) -> Talk:
        """Answer a call."""
        stream = self._engine.open()
        talk = Talk(leg, stream)
        leg.answer(Local(self._host, stream.port))
        return talk

    @property
    def uri(self) -> str:
        """Where this telephone is reached."""
        host, port = self._phone.address()
        return f"sip:{bracketed(host)}:{port}"


def own_address(target: str) -> str:
    """Return our address on the way to a SIP URI.

    Raises:
        OSError: its host is unknown or cannot be reached.
    """
    uri = parse_own(target)
    host = uri.host.strip("[]")
    family, _, _, _, address = socket.getaddrinfo(host, uri.port or 5060, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        return told(probe.getsockname())[0]
