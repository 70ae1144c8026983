"""One call leg's sound: what signalling and the call's driver say to it."""

from __future__ import annotations

import base64
import random
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Final, Literal, Protocol, TypeVar

from sip import addresses
from sip.media import arrival, rtcp, rtp, telephone_event, tones
from sip.media.clock import PACKET_TIMES_MS, Wheel
from sip.media.ear import Ear
from sip.media.jitter_buffer import JitterBuffer
from sip.media.latch import Address, Latch
from sip.media.listeners import Listeners, Tape, ToneListener
from sip.media.ports import PortPool
from sip.media.reception import SAMPLE, Reception
from sip.media.recording import EndedBy, Recorder, Recording, Sink
from sip.media.reporting import Reporting, Spoken
from sip.media.rows import Outlet, Start
from sip.media.sockets import MediaSocket, Watch
from sip.media.sounds import SoundBank
from sip.media.srtp import Srtp, SrtpError, SrtpKeys
from sip.media.stats import StreamStats
from sip.media.voice import PAUSE, Done, Voice

T = TypeVar("T")

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

_SENDS: Final = ("sendrecv", "sendonly")
_HEARS: Final = ("sendrecv", "recvonly")
_RELAY_DELAY_MS: Final = 40
_RELATCH_S: Final = 5.0
_LARGEST: Final = 1500  # bytes of a datagram that are looked at
_BYTES_PER_MS: Final = 8


class Desk(Watch, Protocol):
    """What a stream needs of its engine."""

    wheel: Wheel
    bank: SoundBank
    ports: PortPool
    random: random.Random
    timeout_s: float
    filtering: bool

    def now(self) -> float:
        """Return the loop's time in seconds."""

    def defer(self, function: Done) -> object:
        """Call a function soon."""

    def until_samples(self) -> int:
        """Return in how many packet times of 20 ms samples of voice are wanted."""

    def listen(self, stream: Stream, *, on: bool) -> None:
        """Call `stream.hear` every 20 ms, or no more."""

    def joined(self) -> None:
        """Know that a stream has begun to send."""

    def forget(self, stream: Stream) -> None:
        """Know that a stream is closed."""


class Stream:
    """The sound of one call leg. Made by `MediaEngine.open`.

    From `connect` to `close` a packet leaves every `ptime_ms`: what is played, what is relayed, or silence;
    only `hold` pauses that.

    Attributes:
        port: our RTP port, even; RTCP is `port + 1`.
        on_key: called with one of `0-9*#ABCD` for every key, on the key's first packet.
        on_heard: called once with the next packet of the peer that counts.
        on_timeout: called once when the peer has sent nothing for the engine's `timeout_s`.
    """

    def __init__(self, desk: Desk) -> None:
        self.on_key: Callable[[str], None] | None = None
        self.on_heard: Callable[[], None] | None = None
        self.on_timeout: Callable[[], None] | None = None
        self._desk = desk
        self._socket = MediaSocket(desk.ports, desk, self._read_rtp, self._read_rtcp)
        self._socket.filtering &= desk.filtering
        self.port = self._socket.port
        number = desk.random.getrandbits
        start = Start(number(32), number(16), number(32), rtp.PCMA)
        self._voice = Voice(desk.wheel, desk.bank, start, desk.defer)
        self._listeners = Listeners(self._listening_changed)
        self._ear = Ear(self._listeners, self._heard_key)
        self._reporting = Reporting(start.ssrc, desk.random)
        self._direction: Direction = "sendrecv"
        self._manner: tuple[int, int, int | None, int] = (20, rtp.PCMA, None, rtp.PCMA)
        self._keys: SrtpKeys | None = None
        self._rtcp_port = 0
        self._aimed: tuple[Address, bool] | None = None
        self._tape: Tape | None = None
        self._tones: ToneListener | None = None
        self._bridge: tuple[Stream, JitterBuffer] | None = None
        self._unseen = 0
        self._timed_out = False
        self._closed = False

    @cached_property
    def srtp_key(self) -> str:
        """Our own SRTP master key and salt for the SDP's `a=crypto` line, in base64; one per stream."""
        return base64.b64encode(secrets.token_bytes(30)).decode("ascii")

    @property
    def ssrc(self) -> int:
        """The SSRC that we send with."""
        return self._voice.ssrc

    def connect(  # noqa: PLR0913 - the outcome of an offer/answer has that many facts
        self,
        address: str,
        port: int,
        payload_type: int = rtp.PCMA,
        event_payload_type: int | None = 101,
        ptime_ms: int = 20,
        *,
        direction: Direction = "sendrecv",
        rtcp_port: int | None = None,
        inband_keys: bool = False,
        event_clock: int = 8000,
        event_payload_heard: int | None = None,
        srtp: SrtpKeys | None = None,
        hosts: frozenset[str] = frozenset(),
        laws: Mapping[int, int] = rtp.STATIC_LAWS,
    ) -> None:
        """Begin (or, after a re-INVITE, change) the exchange with the peer of the SDP.

        What is playing goes on. A changed address must prove itself anew.

        Args:
            address: the peer's numeric address from its c= line; 0.0.0.0 and :: mean that it wants nothing.
            port: the peer's port from its m= line; 0 as well.
            payload_type: what we send: `rtp.PCMA` (8), `rtp.PCMU` (0), or a number of `laws`.
            event_payload_type: the peer's telephone-event type, None without.
            ptime_ms: milliseconds per packet that we send; taken to the next of 10, 20, 30, 40, 50, 60.
            direction: who may send, seen from us (our answer's attribute).
            rtcp_port: the peer's RTCP port, None for the one above its RTP port.
            inband_keys: also listen for key tones in the sound (lines without telephone-events).
            event_clock: the telephone-event rate of the rtpmap in Hz.
            event_payload_heard: our own telephone-event type, None for the peer's.
            srtp: the keys of both directions, None for plain RTP.
            hosts: further addresses that sound may come from, i.e. where the peer's signalling comes from.
            laws: payload types that stand for A-law (`rtp.PCMA`) or µ-law (`rtp.PCMU`) besides 8 and 0.

        Raises:
            ValueError: not a numeric address, a payload type that is neither PCMA nor PCMU, or bad keys.
        """
        wants_nothing = addresses.is_unspecified(address) or port == 0
        laws = rtp.laws_of(laws, payload_type)
        self._protect(srtp)
        if self._ear.latch is None or not wants_nothing:
            self._ear.expect_from((address, port), hosts)
        heard = event_payload_type if event_payload_heard is None else event_payload_heard
        self._ear.expect(heard, event_clock, self._desk.now())
        self._ear.understand(laws)
        self._rtcp_port = rtcp_port or port + 1
        self._direction = "inactive" if wants_nothing else direction
        self._manner = (_sendable(ptime_ms), payload_type, event_payload_type, laws[payload_type])
        self._send_or_not()
        self._listen_for_tones(on=inband_keys)
        self._tune()

    def play(self, frames: Sequence[bytes], on_finished: Done | None = None) -> None:
        """Play clips one after the other instead of whatever was playing.

        Args:
            frames: raw A-law clips at 8 kHz of any length (`callflow.prompts.cache.Cache.frames`).
            on_finished: called once when the last packet's time is over; not when `play` or `stop_playing`
                cut it off. An empty sequence finishes with the next packet.
        """
        self._voice.play(frames, on_finished)

    def stop_playing(self) -> None:
        """Fall silent with the next packet (barge-in); `on_finished` is not called."""
        self._voice.stop()

    def key(self, digit: str) -> None:
        """Count a key that SIP INFO told; what only repeats a telephone-event is dropped."""
        if digit in telephone_event.KEYS:
            self._ear.key(digit, "info", self._desk.now())

    def send_keys(
        self, keys: str, on_finished: Done | None = None, *, tone_ms: int = 100, gap_ms: int = 80
    ) -> None:
        """Press keys: telephone-events, or tones in the sound where the peer knows none.

        Args:
            keys: out of `0-9*#ABCD`; "," pauses one second.
            on_finished: called when the last key is up.
            tone_ms: how long each key is down.
            gap_ms: pause after each key.

        Raises:
            ValueError: no such key.
        """
        if unknown := set(keys) - set(telephone_event.KEYS + PAUSE):
            raise ValueError(f"no such keys: {sorted(unknown)}")
        if not self._voice.press(keys, tone_ms, gap_ms, on_finished):
            self._voice.play(tones.keys(keys, tone_ms, gap_ms), on_finished)

    def record(
        self,
        sink: Sink,
        on_finished: Callable[[Recording], None] | None = None,
        *,
        beep: bool = False,
        max_ms: int = 0,
        silence_ms: int = 0,
    ) -> None:
        """Keep what the peer sends; a recording under way ends first.

        Args:
            sink: takes the sound.
            on_finished: called once, whatever ends the recording.
            beep: sound a tone first and begin after it.
            max_ms: longest recording, 0 for no limit.
            silence_ms: silence that ends it, 0 for none. Silence at the start counts too.
        """
        self.stop_recording()
        recorder = Recorder(sink, max_ms=max_ms, silence_ms=silence_ms)
        tape = Tape(recorder, self._listeners, lambda recording: self._tell(on_finished, recording))
        self._tape = tape
        if beep:
            self._voice.play([tones.beep()], tape.roll)
        else:
            tape.roll()

    def stop_recording(self) -> None:
        """End the recording, e.g. on a key; nothing happens when there is none."""
        self._end_tape("stopped")

    def hold(self, direction: Direction) -> None:
        """Change who may send; playing pauses while we may not."""
        self._direction = direction
        self._send_or_not()

    def relay_to(self, other: Stream | None) -> None:
        """Send everything that either side hears to the other (a bridge), keys too; None ends it."""
        if self._bridge:
            before = self._bridge[0]
            self._unbridge()
            before._unbridge()  # noqa: SLF001 - both ends of one bridge
        if other:
            self._bridge_with(other)
            other._bridge_with(self)  # noqa: SLF001 - as above

    @property
    def stats(self) -> StreamStats:
        """The figures so far; still there after `close`."""
        ear = self._ear
        return StreamStats(
            sent=self._voice.sent,
            received=ear.reception.received + self._socket.dropped,
            loss=ear.reception.loss,
            jitter_ms=ear.reception.jitter_ms,
            remote_loss=self._reporting.remote_loss,
            round_trip_ms=self._reporting.round_trip_ms,
            foreign=ear.dropped.foreign,
            malformed=ear.dropped.malformed,
            keys=ear.keys,
        )

    def close(self) -> None:
        """Say goodbye by RTCP and give the ports back. Harmless when repeated."""
        if self._closed:
            return
        self._end_tape("closed")
        self._listen_for_tones(on=False)
        self.relay_to(None)
        self._voice.stop()
        self._voice.leave()
        self._send_control(self._reporting.goodbye)
        self._closed = True
        self._socket.close()
        self._desk.forget(self)
        self._let_go()

    def _let_go(self) -> None:
        """Drop what leads back to us: closed streams must not pile up until a rare garbage collection."""
        self.on_key = self.on_heard = self.on_timeout = self._tape = None
        self._ear.let_go()
        self._listeners.let_go()

    def hear(self) -> None:
        """Give the listeners 20 ms of sound (called by the engine)."""
        self._listeners.hear()

    def visit(self) -> None:
        """Look after what is due within some seconds (called by the engine)."""
        now = self._desk.now()
        if self._reporting.due(now):
            self._send_control(self._reporting.report)
        if self._ear.latch is None or self._direction not in _HEARS:
            return
        self._notice_unseen(now)
        silent_s = now - self._ear.heard_at
        if silent_s > _RELATCH_S and self._ear.latch.source:
            self._ear.latch.release()
            self._aim()
        if silent_s > self._desk.timeout_s > 0 and not self._timed_out:
            self._timed_out = True
            if self.on_timeout:
                self._desk.defer(self.on_timeout)

    def _notice_unseen(self, now: float) -> None:
        """Know that the peer lives although the kernel keeps its voice to itself."""
        before, self._unseen = self._unseen, self._socket.dropped
        if self._socket.filtered and self._unseen != before:
            self._ear.heard_at = now

    def _protect(self, keys: SrtpKeys | None) -> None:
        if keys != self._keys:
            self._ear.srtp = Srtp(keys) if keys else None
            self._keys = keys

    def _send_or_not(self) -> None:
        if self._ear.latch is None or self._closed:
            return
        if self._direction not in _SENDS:
            self._voice.leave()
            return
        self._voice.join(*self._manner[:3], self._outlet(self._ear.latch), self._manner[3])
        self._desk.joined()

    def _outlet(self, latch: Latch) -> Outlet:
        self._aimed = (latch.target, latch.certain)
        outlet, srtp = self._socket.aim(latch.target, certain=latch.certain), self._ear.srtp
        return (lambda packet: outlet(srtp.protect(packet))) if srtp else outlet

    def _aim(self) -> None:
        """Follow the latch: send where the peer turned out to be."""
        latch = self._ear.latch
        if latch is None or self._aimed == (latch.target, latch.certain):
            return
        self._voice.send_through(self._outlet(latch))
        self._tune()

    def _tune(self) -> None:
        """Let the kernel drop voice while nobody listens to it."""
        reception, latch = self._ear.reception, self._ear.latch
        wanted = None
        if latch and latch.source and not self._listeners and reception.ssrc is not None:
            wanted = (self._manner[1], reception.ssrc)
        self._socket.filter(wanted, (reception.highest + self._desk.until_samples()) % SAMPLE)

    def _listening_changed(self) -> None:
        self._desk.listen(self, on=len(self._listeners) > 0)
        self._tune()

    def _read_rtp(self, sock: socket.socket) -> None:
        try:
            data, source, came = arrival.receive(sock, self._desk.now())
        except OSError:
            return  # nothing there after all, or an ICMP error: the peer's socket is closed
        ssrc = self._ear.reception.ssrc
        if not self._ear.take(data, source, came, self._socket.dropped):
            return
        self._aim()
        if ssrc != self._ear.reception.ssrc:
            self._tune()
        if self.on_heard:
            self._desk.defer(self.on_heard)
            self.on_heard = None

    def _read_rtcp(self, sock: socket.socket) -> None:
        try:
            data, source = sock.recvfrom(_LARGEST)
            latch, srtp = self._ear.latch, self._ear.srtp
            if latch is None or not latch.knows(addresses.told(source)[0]):
                return
            for item in rtcp.parse(srtp.open_control(data) if srtp else data):
                if isinstance(item, rtcp.Report):
                    self._reporting.take(item, time.time(), self._voice.sent)
        except (rtcp.RtcpError, SrtpError):
            self._ear.dropped.malformed += 1
        except OSError:
            return  # as above

    def _send_control(self, write: Callable[[Spoken, Reception, float], bytes]) -> None:
        latch, srtp = self._ear.latch, self._ear.srtp
        if latch is None or self._closed:
            return
        sent = self._voice.sent
        spoken = Spoken(sent, sent * self._manner[0] * _BYTES_PER_MS, self._voice.timestamp)
        report = write(spoken, self._ear.reception, time.time())
        target = (latch.target[0], self._rtcp_port)
        self._socket.send_control(srtp.protect_control(report) if srtp else report, target)

    def _heard_key(self, key: str) -> None:
        if self._bridge:
            self._bridge[0].send_keys(key)
        self._tell(self.on_key, key)

    def _tell(self, function: Callable[[T], None] | None, value: T) -> None:
        if function:
            self._desk.defer(partial(function, value))

    def _end_tape(self, ended_by: EndedBy) -> None:
        if self._tape:
            self._tape.end(ended_by)

    def _listen_for_tones(self, *, on: bool) -> None:
        if self._tones and not on:
            self._tones.leave()
            self._tones = None
        if on and self._tones is None:
            heard = self._ear.key
            self._tones = ToneListener(self._listeners, lambda key: heard(key, "sound", self._desk.now()))

    def _bridge_with(self, other: Stream) -> None:
        buffer = self._listeners.add(JitterBuffer(_RELAY_DELAY_MS))
        self._bridge = (other, buffer)
        other._voice.relay_from(buffer.read)

    def _unbridge(self) -> None:
        if self._bridge is None:
            return
        other, buffer = self._bridge
        self._bridge = None
        self._listeners.remove(buffer)
        other._voice.relay_from(None)  # noqa: SLF001 - as above


def _sendable(ptime_ms: int) -> int:
    return next((ms for ms in PACKET_TIMES_MS if ms >= ptime_ms), PACKET_TIMES_MS[-1])
