"""Sound in order and on time, for whoever keeps it: recordings, bridges and the tone detector."""

from __future__ import annotations

from typing import Final

from callflow import g711
from sip.media import rtp

_BYTES_PER_MS: Final = g711.RATE // 1000
_RING: Final = 8192  # bytes, about one second: a power of two, so that places wrap with the timestamps
_REPEATS: Final = 3  # lost frames that are covered by fading repetition before silence
_LATE: Final = 3  # late packets in a row after which the reader waits
_WINDOW: Final = 100  # reads over which the buffer's depth is judged
_SILENT: Final = bytes([g711.SILENCE])
_HALF: Final = g711.to_alaw(g711.from_alaw(bytes(range(256))) // 2)  # 6 dB down, by table


class JitterBuffer:
    """Takes packets as they come and gives sound at a steady pace.

    Args:
        delay_ms: how far reading lags behind the newest sound, i.e. how late a packet may come.
    """

    def __init__(self, delay_ms: int = 80) -> None:
        self.late = 0
        self._late_in_a_row = 0
        self._delay = delay_ms * _BYTES_PER_MS
        self._sound = bytearray(_SILENT * _RING)
        self._present = bytearray(_RING)
        self._at: int | None = None  # timestamp of the next read, None until sound comes
        self._newest = 0  # samples between the next read and the end of the newest packet
        self._shallowest = _RING
        self._reads = 0
        self._covered = 0
        self._before = b""

    def put(self, timestamp: int, alaw: bytes) -> None:
        """Take a packet's sound; what comes too late or twice changes nothing."""
        if self._at is None:
            self._begin(timestamp)
        ahead = rtp.timestamp_after(timestamp, self._at or 0)
        if not -_RING < ahead <= _RING - len(alaw):
            self._begin(timestamp)
            ahead = self._delay
        if ahead < 0:
            self._count_late()
            return
        self._late_in_a_row = 0
        self._write(timestamp, alaw)
        self._newest = max(self._newest, ahead + len(alaw))

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes (samples), losses covered, silence where nobody spoke."""
        if self._at is None:
            return _SILENT * size
        sound, present = self._take(size)
        self._at = (self._at + size) & 0xFFFF_FFFF
        self._newest -= size
        self._judge(size)
        if present == size:
            self._covered, self._before = 0, sound
            return sound
        return sound if present else self._cover(size)

    def _count_late(self) -> None:
        """Wait for a sender whose clock runs slow, or whose way became longer."""
        self.late += 1
        self._late_in_a_row += 1
        if self._late_in_a_row >= _LATE and self._at is not None:
            self._at = (self._at - self._delay) & 0xFFFF_FFFF
            self._newest += self._delay
            self._late_in_a_row = 0

    def _begin(self, timestamp: int) -> None:
        self._sound[:] = _SILENT * _RING
        self._present[:] = bytes(_RING)
        self._at = (timestamp - self._delay) & 0xFFFF_FFFF
        self._newest, self._reads, self._shallowest = self._delay, 0, _RING

    def _write(self, timestamp: int, alaw: bytes) -> None:
        start = timestamp % _RING
        head = min(len(alaw), _RING - start)
        self._sound[start : start + head] = alaw[:head]
        self._present[start : start + head] = b"\1" * head
        rest = len(alaw) - head
        self._sound[:rest] = alaw[head:]
        self._present[:rest] = b"\1" * rest

    def _take(self, size: int) -> tuple[bytes, int]:
        start = (self._at or 0) % _RING
        head = min(size, _RING - start)
        spans = ((start, start + head), (0, size - head))
        sound = b"".join(self._sound[a:b] for a, b in spans)
        present = sum(self._present[a:b].count(1) for a, b in spans)
        for a, b in spans:
            self._sound[a:b] = _SILENT * (b - a)
            self._present[a:b] = bytes(b - a)
        return sound, present

    def _cover(self, size: int) -> bytes:
        self._covered += 1
        if self._covered > _REPEATS or len(self._before) != size:
            return _SILENT * size
        self._before = self._before.translate(_HALF)
        return self._before

    def _judge(self, size: int) -> None:
        """Follow the sender's clock: drop a frame when the buffer only gets deeper, start anew when dry."""
        self._reads += 1
        self._shallowest = min(self._shallowest, self._newest)
        if self._newest < -_RING // 2:
            self._at = None
        if self._reads < _WINDOW:
            return
        if self._shallowest > 2 * self._delay and self._at is not None:
            self._take(size)
            self._at = (self._at + size) & 0xFFFF_FFFF
            self._newest -= size
        self._reads, self._shallowest = 0, _RING
