"""What arrives of an RTP stream: its source, its loss and its jitter (RFC 3550, 6.4.1 and appendix A).

While nobody listens the kernel lets only keys and every `SAMPLE`th voice packet through and counts the rest:
a packet's sequence number tells how many should have come since the one before, the kernel how many came.
"""

from __future__ import annotations

from typing import Final

from sip.media import rtp

SAMPLE: Final = 256  # a power of two: the kernel's filter masks sequence numbers with it

_RESTART: Final = 3000  # a larger step is a new start of the sender (MAX_DROPOUT of appendix A.1)
_RATE: Final = 8000


class Reception:
    """Counts one peer's packets. A new SSRC is believed with its second packet in a row."""

    def __init__(self) -> None:
        self.ssrc: int | None = None
        self.received = 0
        self.jitter = 0.0  # in timestamp units
        self.restarts = 0
        self._counted = 0
        self._expected = 0
        self._unseen = 0  # when the last packet was seen
        self._highest: int | None = None  # extended: wraps count in its upper bits
        self._transit: float | None = None
        self._changes = 0
        self._changed = 0.0  # sum of all changes of the transit time, in timestamp units
        self._probation: tuple[int, int] | None = None

    def admit(self, packet: rtp.Packet) -> bool:
        """Return whether a packet belongs to the stream (or convinces of a new one)."""
        if self.ssrc is None:
            self.ssrc = packet.ssrc
        if packet.ssrc == self.ssrc:
            return True
        expected, self._probation = self._probation, (packet.ssrc, (packet.sequence + 1) & 0xFFFF)
        if expected != (packet.ssrc, packet.sequence):
            return False
        self._restart(packet.ssrc)
        return True

    def count(self, packet: rtp.Packet, now: float, *, voice: bool, unseen: int = 0) -> None:
        """Count an admitted packet.

        Args:
            packet: the packet.
            now: when it came, in seconds.
            voice: it is voice; only then its timestamp is meaningful.
            unseen: how many packets the kernel has counted and dropped so far.
        """
        self.received += 1
        if voice:
            self._count_jitter(packet.timestamp, now)
        self._count_sequence(packet.sequence, unseen)

    @property
    def loss(self) -> float:
        """Part of the packets that never came, 0..1."""
        return max(0.0, 1 - self._counted / self._expected) if self._expected else 0.0

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return max(0, self._expected - self._counted)

    @property
    def expected(self) -> int:
        """Packets that should have come so far."""
        return self._expected

    @property
    def highest(self) -> int:
        """The extended highest sequence number."""
        return self._highest or 0

    @property
    def jitter_ms(self) -> float:
        """Mean interarrival jitter of the whole call, in milliseconds; `jitter` is the latest."""
        return 1000 * self._changed / self._changes / _RATE if self._changes else 0.0

    def _restart(self, ssrc: int) -> None:
        self.ssrc, self.restarts = ssrc, self.restarts + 1
        self._highest = self._transit = self._probation = None

    def _count_sequence(self, sequence: int, unseen: int) -> None:
        came, self._unseen = 1 + unseen - self._unseen, unseen
        step = 1 if self._highest is None else rtp.sequence_after(sequence, self._highest & 0xFFFF)
        if abs(step) >= _RESTART or self._highest is None:
            came, step, self._highest = 1, 1, sequence - 1
        self._counted += came
        if step > 0:
            self._expected += step
            self._highest += step

    def _count_jitter(self, timestamp: int, now: float) -> None:
        arrival = now * _RATE
        transit = (arrival - timestamp) % 2**32
        if self._transit is not None:
            change = abs((transit - self._transit + 2**31) % 2**32 - 2**31)
            # A step of more than a second is the sender's new timeline or a pause, not jitter.
            if change < _RATE:
                self.jitter += (change - self.jitter) / 16
                self._changed += change
                self._changes += 1
        self._transit = transit
