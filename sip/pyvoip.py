"""pyVoIP, guarded: its registration and its handling of calls, without its socket, threads and sound.

The only module that imports pyVoIP; its names and types do not leave it. Every guard names the defect of
pyVoIP 1.6.8 that it hides; tests/line/test_pyvoip*.py show each bare and its absence here. Reliability on the
wire (retransmissions, ACK, CANCEL, routes, parsing) is `sip.pyvoip_phone`'s part of the guards, what
registrars want `sip.pyvoip_registrar`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sip.signalling.transport import Address

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports audioop, which Python 3.11 and 3.12 call deprecated
    import pyVoIP.VoIP  # pyVoIP.SIP cannot be imported before it
    from pyVoIP import RTP, SIP

MOST_CALLS = 50  # with our sound it is clean to 200 calls and collapses at 500; we stay far below
ANSWER_WITHIN_S = 40  # a transaction has an answer after 32 s at the latest: that nobody answered


class _NoSound:
    """Stands in for RTPClient: sends A-law as mu-law, keeps packets for ever, breaks at sequence wrap."""

    def __init__(
        self, assoc: Mapping[int, object], _host: str, port: int, *_rest: object, **_more: object
    ) -> None:
        self.assoc = assoc
        self.inPort = port
        self.outIP, self.outPort = "", 0  # set anew by every re-INVITE

    def start(self) -> None:
        """Do nothing: the original starts a second transmitter on a re-INVITE or a late retransmission."""

    def stop(self) -> None:
        """Do nothing: `sip.media.engine` ends the sound."""


class _Wire:
    """What pyVoIP takes for its socket: it drops valid messages and never repeats its own.

    `recv` gives registrars' answers alone; requests reach it by `Guarded.hand_over`.
    """

    def __init__(self, said: Callable[[bytes, Address], None]) -> None:
        self.feed, self._end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._said = said

    def sendto(self, data: bytes, to: Address) -> None:
        self._said(data, to)

    def recv(self, size: int) -> bytes:
        return self._end.recv(size)

    def fileno(self) -> int:
        return self._end.fileno()

    def setblocking(self, _flag: bool) -> None:  # noqa: FBT001 - a socket's signature
        """Do nothing: it toggles this under its receive lock."""

    def close(self) -> None:
        self.feed.close()
        self._end.close()


class _Phone(pyVoIP.VoIP.VoIPPhone):
    """VoIPPhone with one socket less and two timers less."""

    def _callback_MSG_Invite(self, request: Any) -> None:  # noqa: ANN401, N802 - pyVoIP's name and type
        """Announce a call at once: the original waits a fixed second in a thread of its own."""
        call_id = request.headers["Call-ID"]
        if call_id in self.calls:
            super()._callback_MSG_Invite(request)
            return
        self.sip.out.sendto(self.sip.gen_ringing(request).encode(), (self.server, self.port))
        self._create_Call(request, len(self.calls) + 1)

    def request_port(self, blocking: bool = True) -> int:  # noqa: ARG002, FBT001, FBT002 - pyVoIP's signature
        """Name a port that nobody uses: the original leaks ports and fails after 10,000 calls."""
        return 9

    def release_ports(self, call: object = None) -> None:
        """Do nothing: the original deadlocks when the garbage collector calls it."""


class Guarded:
    """pyVoIP's view of our calls.

    Args:
        me: our address as peers reach it.
        said: takes what pyVoIP wants to send to its server; may be called from the registering thread.
    """

    def __init__(self, me: Address, said: Callable[[bytes], None]) -> None:
        self._wire = _Wire(lambda data, _to: said(data))
        self._thread = ThreadPoolExecutor(1, "register")
        # It prints what it cannot handle, passwords too: it is told none, `Registrar` proves who we are.
        self._phone = _Phone("127.0.0.1", 5060, "line", "secret", me[0], lambda _call: None, me[1])
        self._client = self._phone.sip
        # Its own start() binds, registers in the caller's thread, and polls every 10 ms in another.
        self._client.s = self._client.out = self._wire  # type: ignore[assignment]  # as _silenced
        self._client.register_timeout = ANSWER_WITHIN_S

    @property
    def kept(self) -> int:
        """How many calls and tags it keeps."""
        ours = len(self._client.tagLibrary) - 1  # one is its own, for REGISTER
        return len(self._phone.calls) + ours + len(self._client.tags)

    def hand_over(self, datagram: bytes) -> None:
        """Give it a request in the one form that it reads."""
        with _silenced():
            self._client.parse_message(SIP.SIPMessage(datagram))

    def answer(self, call_id: str) -> None:
        """Let it answer a call."""
        self._phone.calls[call_id].answer()

    def refuse(self, call_id: str) -> None:
        """Let it refuse a call; it knows 486 only."""
        self._phone.calls[call_id].deny()

    def hang_up(self, call_id: str) -> None:
        """Let it end a call; of calls that are over already it forgets nothing by itself."""
        call = self._phone.calls.get(call_id)
        if call is not None and call.state == pyVoIP.VoIP.CallState.ANSWERED:
            call.hangup()
        self.forget(call_id)

    def forget(self, call_id: str) -> None:
        """Drop what it keeps for ever: calls that ended unanswered, tags of all calls."""
        self._phone.calls.pop(call_id, None)
        self._client.tagLibrary.pop(call_id, None)
        del self._client.tags[:]

    def registrar_says(self, datagram: bytes) -> None:
        """Give it a registrar's answer."""
        with contextlib.suppress(OSError):  # nobody waits for it any more
            self._wire.feed.send(datagram)

    async def register(self) -> bool:
        """Let it register, in a thread of its own; say whether it did."""
        self._client.registerFailures = 0  # after three it would stop for ever
        return bool(await asyncio.get_running_loop().run_in_executor(self._thread, self._client.register))

    async def deregister(self) -> bool:
        """Let it unregister; say whether it did."""
        return bool(await asyncio.get_running_loop().run_in_executor(self._thread, self._client.deregister))

    def close(self) -> None:
        """Let go of its thread and socket."""
        self._thread.shutdown(wait=False)
        self._wire.close()


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Put `_NoSound` in RTPClient's place: pyVoIP looks the name up at call time."""
    original = RTP.RTPClient
    RTP.RTPClient = _NoSound  # type: ignore[misc,assignment]  # it makes only the calls that pyVoIP makes
    try:
        yield
    finally:
        RTP.RTPClient = original  # type: ignore[misc]  # as above
