"""The sound of all calls: one engine, one clock, one `Stream` per call leg.

The engine lives inside the asyncio loop of the line process, which holds signalling and this clock and
nothing else. Every method is to be called from that loop's thread; none blocks and none is a coroutine.
Callbacks run on the loop, after the packets of their moment went out; an exception in a callback is logged
and ends nothing.

    engine = MediaEngine("192.0.2.10", (16384, 32766))
    engine.start()
    stream = engine.open()            # an even RTP port for the SDP, RTCP on the next one
    stream.on_key = keys.append
    stream.connect("192.0.2.20", 4000, payload_type=8, event_payload_type=101)
    stream.play([cache.frames(key)], on_finished=next_step)
    ...
    stream.close()
    engine.stop()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
EndedBy = Literal["silence", "limit", "stopped", "closed"]


class NoPortFreeError(RuntimeError):
    """Every port pair of the range is taken; answer the call with 503."""


class Sink(Protocol):
    """Where received sound goes: jitter-buffered A-law, 8 kHz, gaps filled with silence."""

    def write(self, alaw: bytes) -> None:
        """Take 20 ms (160 bytes) of sound."""

    def close(self) -> None:
        """The recording ended; called once."""


@dataclass(frozen=True, slots=True)
class Recording:
    """How a recording ended.

    Args:
        ms: its length in milliseconds, without the trailing silence that ended it.
        ended_by: what ended it; `closed` means that the stream was closed meanwhile.
        dbfs: level of its loud parts in dB below full scale, -96 for nothing at all.
    """

    ms: int
    ended_by: EndedBy
    dbfs: float


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What a stream sent and received; sampled values where voice is filtered in the kernel.

    Args:
        sent: RTP packets sent.
        received: RTP packets taken in.
        loss: part of the peer's packets that never came, 0..1.
        jitter_ms: interarrival jitter (RFC 3550, 6.4.1).
        remote_loss: loss that the peer reported by RTCP, 0..1, None without report.
        round_trip_ms: from the peer's RTCP reports, None without report.
        foreign: packets dropped because they came from somewhere else.
        malformed: datagrams that were no RTP of this call.
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


class MediaEngine:
    """All streams of one process and the clock that sends for them.

    Args:
        host: address the RTP sockets are bound to (the one that goes into the SDP), IPv4 or IPv6.
        port_range: lowest and highest UDP port, both included; pairs are taken from it, RTP on the even port.
        timeout_s: seconds without any packet of the peer until `Stream.on_timeout`; 0 for never.
    """

    def __init__(
        self, host: str, port_range: tuple[int, int] = (16384, 32767), *, timeout_s: float = 30.0
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Start the clock in the running asyncio loop."""

    def stop(self) -> None:
        """Close every stream and stop the clock."""

    def open(self) -> Stream:
        """Take a port pair and give its stream; nothing is sent before `Stream.connect`.

        Raises:
            NoPortFreeError: the range is used up.
        """
        raise NotImplementedError


class Stream:
    """The sound of one call leg. Made by `MediaEngine.open`.

    From `connect` to `close` a packet leaves every `ptime_ms`: what is played, what is relayed, or silence;
    only `hold` pauses that.

    Attributes:
        port: our RTP port, even; RTCP is `port + 1`.
        on_key: called with one of `0-9*#ABCD` for every key, at once on the key's first packet.
        on_timeout: called once when the peer has sent nothing for the engine's `timeout_s`.
    """

    port: int
    on_key: Callable[[str], None] | None = None
    on_timeout: Callable[[], None] | None = None

    def connect(  # noqa: PLR0913 - the outcome of an offer/answer has that many facts
        self,
        address: str,
        port: int,
        payload_type: int = 8,
        event_payload_type: int | None = 101,
        ptime_ms: int = 20,
        *,
        direction: Direction = "sendrecv",
        rtcp_port: int | None = None,
        inband_keys: bool = False,
    ) -> None:
        """Begin (or, after a re-INVITE, change) the exchange with the peer of the SDP.

        What is playing goes on; a changed address is latched anew.

        Args:
            address: the peer's address from its c= line.
            port: the peer's port from its m= line.
            payload_type: 8 for PCMA or 0 for PCMU, in both directions.
            event_payload_type: the negotiated telephone-event type, None without.
            ptime_ms: milliseconds per packet that we send: 10, 20, 30, 40, 50 or 60.
            direction: who may send, seen from us (our answer's attribute).
            rtcp_port: the peer's RTCP port, None for `port + 1`.
            inband_keys: also listen for key tones in the sound (lines without telephone-event).
        """
        raise NotImplementedError

    def play(self, frames: Sequence[bytes], on_finished: Callable[[], None] | None = None) -> None:
        """Play clips one after the other instead of whatever was playing.

        Args:
            frames: raw A-law clips at 8 kHz of any length (`callflow.prompts.cache.Cache.frames`).
            on_finished: called once when the last packet's time is over; not when `play` or `stop_playing`
                cut it off. An empty sequence finishes at the next tick.
        """
        raise NotImplementedError

    def stop_playing(self) -> None:
        """Fall silent with the next packet (barge-in); `on_finished` is not called."""
        raise NotImplementedError

    def key(self, digit: str) -> None:
        """Count a key that came by other means (SIP INFO); drops what telephone-event has told already."""
        raise NotImplementedError

    def send_keys(
        self,
        keys: str,
        on_finished: Callable[[], None] | None = None,
        *,
        tone_ms: int = 100,
        gap_ms: int = 80,
    ) -> None:
        """Press keys: telephone-events, or tones in the sound where the peer knows none.

        Args:
            keys: out of `0-9*#ABCD`; "," pauses one second.
            on_finished: called when the last key is up.
            tone_ms: how long each key is down.
            gap_ms: pause after each key.
        """
        raise NotImplementedError

    def record(
        self,
        sink: Sink,
        on_finished: Callable[[Recording], None] | None = None,
        *,
        beep: bool = False,
        max_ms: int = 0,
        silence_ms: int = 0,
    ) -> None:
        """Keep what the peer sends.

        Args:
            sink: takes the sound.
            on_finished: called once, whatever ends the recording.
            beep: sound a tone first and begin after it.
            max_ms: longest recording, 0 for no limit.
            silence_ms: silence that ends it, 0 for none. Silence at the start counts too.
        """
        raise NotImplementedError

    def stop_recording(self) -> None:
        """End the recording, e.g. on a key; nothing happens when there is none."""
        raise NotImplementedError

    def hold(self, direction: Direction) -> None:
        """Change who may send; playing pauses while we may not."""
        raise NotImplementedError

    def relay_to(self, other: Stream | None) -> None:
        """Send everything that either side hears to the other (a bridge), keys too; None ends it."""
        raise NotImplementedError

    @property
    def stats(self) -> StreamStats:
        """The figures so far; still there after `close`."""
        raise NotImplementedError

    def close(self) -> None:
        """Say goodbye by RTCP and give the ports back. Harmless when repeated."""
        raise NotImplementedError
