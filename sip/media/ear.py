"""The receiving half of a stream: whose packets count, which keys they tell, who listens to their sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from callflow import g711
from sip.media import rtp, telephone_event
from sip.media.keys import Keys, Source
from sip.media.latch import Address, Latch
from sip.media.listeners import Listeners
from sip.media.reception import Reception
from sip.media.srtp import Srtp, SrtpError

_LAWS: dict[int, bytes | None] = {
    rtp.PCMA: None,
    rtp.PCMU: g711.U_TO_A,
}  # payload type -> table that makes A-law of it


@dataclass(slots=True)
class Dropped:
    """Datagrams that were not taken: not RTP (or not protected as agreed), or not the peer's."""

    malformed: int = 0
    foreign: int = 0


class Ear:
    """Takes datagrams in; sans-IO.

    Args:
        listeners: hear the peer's voice.
        on_key: called with each key that counts.
    """

    def __init__(self, listeners: Listeners, on_key: Callable[[str], None]) -> None:
        self.reception = Reception()
        self.dropped = Dropped()
        self.keys = 0
        self.heard_at = 0.0
        self.latch: Latch | None = None
        self.srtp: Srtp | None = None
        self.listeners = listeners
        self._on_key = on_key
        self._sources = Keys()
        self._events = telephone_event.Receiver()
        self._event_type = -1
        self._restarts = 0
        self._laws = _LAWS

    def understand(self, laws: Mapping[int, int]) -> None:
        """Take packets of these payload types for voice: `rtp.PCMA` or `rtp.PCMU` each."""
        self._laws = {number: _LAWS[law] for number, law in laws.items()}

    def expect_from(self, announced: Address, hosts: frozenset[str]) -> None:
        """Listen to the peer that announces this address (see `Latch`), anew if it is another than before."""
        if self.latch is None or self.latch.announced != announced:
            self.latch = Latch(announced, hosts)

    def expect(self, event_type: int | None, event_clock: int, now: float) -> None:
        """Expect keys as telephone-events of a payload type, and to hear something soon."""
        self.heard_at = now
        if (event_type, event_clock) != (self._event_type, self._events.clock):
            self._events = telephone_event.Receiver(event_clock)
        self._event_type = -1 if event_type is None else event_type

    def take(self, data: bytes, source: Address, now: float, unseen: int = 0) -> bool:
        """Take a datagram that came from `source` at `now` (seconds); return whether it was the peer's.

        `unseen` is how many packets of the peer the kernel has dropped so far because nobody listens.
        """
        try:
            packet = rtp.parse(self.srtp.open(data) if self.srtp else data)
        except (rtp.RtpError, SrtpError):
            self.dropped.malformed += 1
            return False
        if self.latch is None or not self.latch.admit(source, packet) or not self.reception.admit(packet):
            self.dropped.foreign += 1
            return False
        self.heard_at = now
        self._hear(packet, now, unseen)
        return True

    def key(self, key: str, source: Source, now: float) -> None:
        """Count a key unless it only repeats what a better source has told."""
        if self._sources.count(key, source, now):
            self.keys += 1
            self._on_key(key)

    def let_go(self) -> None:
        """Tell keys to nobody any more."""
        self._on_key = _ignore

    def _hear(self, packet: rtp.Packet, now: float, unseen: int) -> None:
        if self.reception.restarts != self._restarts:
            self._restarts = self.reception.restarts
            self._events.reset()
        voice = packet.payload_type in self._laws
        self.reception.count(packet, now, voice=voice, unseen=unseen)
        if voice:
            self._hear_voice(packet)
        elif packet.payload_type == self._event_type:
            for key in self._events.receive(packet.timestamp, packet.payload):
                self.key(key, "event", now)

    def _hear_voice(self, packet: rtp.Packet) -> None:
        if self.listeners:
            self.listeners.put(packet.timestamp, packet.payload.translate(self._laws[packet.payload_type]))


def _ignore(_key: str) -> None:
    pass
