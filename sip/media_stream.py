"""One call leg's sound: what signalling and the call's driver say to it."""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from sip import rtp, telephone_event, tones
from sip.jitter_buffer import JitterBuffer
from sip.latch import Latch
from sip.media_clock import PACKET_TIMES_MS, Wheel
from sip.media_ear import Ear
from sip.media_ports import PortPool
from sip.media_rows import Start
from sip.media_socket import MediaSocket, Watch
from sip.media_sounds import SoundBank
from sip.media_voice import PAUSE, Done, Voice
from sip.recording import EndedBy, Recorder, Recording, Sink

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
OnRecorded = Callable[[Recording], None]

_SENDS: Final = ("sendrecv", "sendonly")
_HEARS: Final = ("sendrecv", "recvonly")
_RELAY_DELAY_MS: Final = 40
_RELATCH_S: Final = 5.0
_FRAME: Final = 160


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What a stream sent and received; loss and jitter are samples where voice is filtered in the kernel.

    Args:
        sent: RTP packets sent.
        received: RTP packets taken in; a sixty-fourth of them while voice is filtered.
        loss: part of the peer's packets that never came, 0..1.
        jitter_ms: interarrival jitter (RFC 3550, 6.4.1).
        remote_loss: loss that the peer last reported, 0..1, None without report.
        round_trip_ms: from the peer's RTCP reports, None without report.
        foreign: packets dropped because somebody else sent them.
        malformed: datagrams dropped because they are no RTP.
        keys: keys heard.
    """

    sent: int = 0
    received: int = 0
    loss: float = 0.0
    jitter_ms: float = 0.0
    remote_loss: float | None = None
    round_trip_ms: float | None = None
    foreign: int = 0
    malformed: int = 0
    keys: int = 0


class Desk(Watch, Protocol):
    """What a stream needs of its engine."""

    wheel: Wheel
    bank: SoundBank
    ports: PortPool
    random: random.Random
    timeout_s: float

    def now(self) -> float:
        """Return the loop's time in seconds."""

    def defer(self, function: Done) -> object:
        """Call a function soon."""

    def listen(self, stream: Stream, *, on: bool) -> None:
        """Call `stream.listen` every 20 ms, or no more."""

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
        on_timeout: called once when the peer has sent nothing for the engine's `timeout_s`.
    """

    def __init__(self, desk: Desk) -> None:
        self.on_key: Callable[[str], None] | None = None
        self.on_timeout: Callable[[], None] | None = None
        self._desk = desk
        self._socket = MediaSocket(desk.ports, desk, self._read_rtp, self._read_rtcp)
        self.port = self._socket.port
        number = desk.random.getrandbits
        start = Start(number(32), number(16), number(32), rtp.PCMA)
        self._voice = Voice(desk.wheel, desk.bank, start, desk.defer)
        self._ear = Ear(self._heard_key)
        self._direction: Direction = "sendrecv"
        self._manner: tuple[int, int, int | None] = (20, rtp.PCMA, None)
        self._aimed: tuple[tuple[str, int], bool] | None = None
        self._recorder: Recorder | None = None
        self._recorded: OnRecorded | None = None
        self._recording_ear: JitterBuffer | None = None
        self._bridge: tuple[Stream, JitterBuffer] | None = None
        self._timed_out = False
        self._closed = False

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
        hosts: frozenset[str] = frozenset(),
    ) -> None:
        """Begin (or, after a re-INVITE, change) the exchange with the peer of the SDP.

        What is playing goes on. A changed address must prove itself anew.

        Args:
            address: the peer's numeric address from its c= line; 0.0.0.0 and :: mean that it wants nothing.
            port: the peer's port from its m= line; 0 as well.
            payload_type: `rtp.PCMA` (8) or `rtp.PCMU` (0) is what we send; both are understood.
            event_payload_type: the negotiated telephone-event type, None without.
            ptime_ms: milliseconds per packet that we send; taken to the next of 10, 20, 30, 40, 50, 60.
            direction: who may send, seen from us (our answer's attribute).
            rtcp_port: the peer's RTCP port, None for the one above its RTP port.
            inband_keys: also listen for key tones in the sound (lines without telephone-events).
            event_clock: the telephone-event rate of the rtpmap in Hz.
            hosts: further addresses that sound may come from, i.e. where the peer's signalling comes from.

        Raises:
            ValueError: not a numeric address, or a payload type that is neither PCMA nor PCMU.
        """
        wants_nothing = ipaddress.ip_address(address).is_unspecified or port == 0
        if payload_type not in (rtp.PCMA, rtp.PCMU):
            raise ValueError(f"payload type {payload_type} is neither PCMA nor PCMU")
        latch = self._ear.latch
        if latch is None or (latch.announced != (address, port) and not wants_nothing):
            latch = Latch((address, port), hosts)
        self._ear.expect(latch, event_payload_type, event_clock, self._desk.now())
        self._direction = "inactive" if wants_nothing else direction
        self._manner = (_sendable(ptime_ms), payload_type, event_payload_type)
        self._aimed = None
        self._send_or_not()
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
        on_finished: OnRecorded | None = None,
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
        self._recorder = Recorder(sink, max_ms=max_ms, silence_ms=silence_ms)
        self._recorded = on_finished
        if beep:
            self._voice.play([tones.beep()], self._begin_recording)
        else:
            self._begin_recording()

    def stop_recording(self) -> None:
        """End the recording, e.g. on a key; nothing happens when there is none."""
        self._end_recording("stopped")

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
            received=ear.reception.received,
            loss=ear.reception.loss,
            jitter_ms=ear.reception.jitter_ms,
            foreign=ear.dropped.foreign,
            malformed=ear.dropped.malformed,
            keys=ear.keys,
        )

    def close(self) -> None:
        """Say goodbye by RTCP and give the ports back. Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        self._end_recording("closed")
        self.relay_to(None)
        self._voice.stop()
        self._voice.leave()
        self._socket.close()
        self._desk.forget(self)

    def listen(self) -> None:
        """Take 20 ms of sound for the recording (called by the engine)."""
        if self._recorder and self._recording_ear:
            ended_by = self._recorder.feed(self._recording_ear.read(_FRAME))
            if ended_by:
                self._end_recording(ended_by)

    def second(self) -> None:
        """Look after what is due about once a second (called by the engine)."""
        latch, now = self._ear.latch, self._desk.now()
        if latch is None or self._direction not in _HEARS:
            return
        silent_s = now - self._ear.heard_at
        if silent_s > _RELATCH_S and latch.source:
            latch.release()
            self._aim()
        if silent_s > self._desk.timeout_s > 0 and not self._timed_out:
            self._timed_out = True
            if self.on_timeout:
                self._desk.defer(self.on_timeout)

    def _send_or_not(self) -> None:
        latch = self._ear.latch
        if latch is None or self._closed:
            return
        if self._direction not in _SENDS:
            self._voice.leave()
            return
        self._aimed = (latch.target, latch.certain)
        self._voice.join(*self._manner, self._socket.aim(latch.target, certain=latch.certain))
        self._desk.joined()

    def _aim(self) -> None:
        """Follow the latch: send where the peer turned out to be."""
        latch = self._ear.latch
        if latch is None or self._aimed == (latch.target, latch.certain):
            return
        self._aimed = (latch.target, latch.certain)
        self._voice.send_through(self._socket.aim(latch.target, certain=latch.certain))
        self._tune()

    def _tune(self) -> None:
        """Let the kernel drop voice while nobody listens to it."""
        reception, latch = self._ear.reception, self._ear.latch
        wanted = None
        if latch and latch.source and not self._ear.listeners and reception.ssrc is not None:
            wanted = (self._manner[1], reception.ssrc)
        reception.sample(on=self._socket.filter(wanted))

    def _read_rtp(self, sock: socket.socket) -> None:
        try:
            data, source = sock.recvfrom(2048)
        except OSError:
            return  # nothing there after all, or an ICMP error: the peer's socket is closed
        ssrc = self._ear.reception.ssrc
        if not self._ear.take(data, source[:2], self._desk.now()):
            return
        self._aim()
        if ssrc != self._ear.reception.ssrc:
            self._tune()

    def _read_rtcp(self, sock: socket.socket) -> None:
        try:
            sock.recvfrom(2048)
        except OSError:
            return

    def _heard_key(self, key: str) -> None:
        if self._bridge:
            self._bridge[0].send_keys(key)
        if self.on_key:
            on_key = self.on_key
            self._desk.defer(lambda: on_key(key))

    def _begin_recording(self) -> None:
        if self._recorder is None or self._closed:
            return
        self._recording_ear = JitterBuffer()
        self._ear.listeners.append(self._recording_ear)
        self._desk.listen(self, on=True)
        self._tune()

    def _end_recording(self, ended_by: EndedBy) -> None:
        recorder, done, ear = self._recorder, self._recorded, self._recording_ear
        self._recorder = self._recorded = self._recording_ear = None
        if ear:
            self._ear.listeners.remove(ear)
            self._desk.listen(self, on=False)
            self._tune()
        if recorder:
            recording = recorder.finish(ended_by)
            if done:
                self._desk.defer(lambda: done(recording))

    def _bridge_with(self, other: Stream) -> None:
        ear = JitterBuffer(_RELAY_DELAY_MS)
        self._bridge = (other, ear)
        self._ear.listeners.append(ear)
        other._voice.relay_from(ear.read)
        self._tune()

    def _unbridge(self) -> None:
        if self._bridge is None:
            return
        other, ear = self._bridge
        self._bridge = None
        self._ear.listeners.remove(ear)
        other._voice.relay_from(None)  # noqa: SLF001 - as above
        self._tune()


def _sendable(ptime_ms: int) -> int:
    return next((ms for ms in PACKET_TIMES_MS if ms >= ptime_ms), PACKET_TIMES_MS[-1])
