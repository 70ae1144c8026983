"""Who hears a stream's sound, in order and at a steady pace: recordings, bridges, the tone detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sip.media.inband import ToneDetector
from sip.media.jitter_buffer import JitterBuffer
from sip.media.recording import EndedBy, Recorder, Recording

FRAME: Final = 160  # bytes of 20 ms, the pace of `Listeners.hear`


class Listeners:
    """The listeners of one stream; each has its own jitter buffer.

    Args:
        on_change: called when the first one came or the last one left.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change: Callable[[], None] | None = on_change
        self._paced: dict[JitterBuffer, Callable[[bytes], None]] = {}
        self._all: list[JitterBuffer] = []

    def __len__(self) -> int:
        return len(self._all)

    def put(self, timestamp: int, alaw: bytes) -> None:
        """Take the sound of a packet."""
        for buffer in self._all:
            buffer.put(timestamp, alaw)

    def hear(self) -> None:
        """Give everybody who wants it 20 ms of sound."""
        for buffer, feed in tuple(self._paced.items()):
            feed(buffer.read(FRAME))

    def add(self, buffer: JitterBuffer, feed: Callable[[bytes], None] | None = None) -> JitterBuffer:
        """Let `buffer` listen; `feed` is called with every 20 ms, None for who reads the buffer itself."""
        self._all.append(buffer)
        if feed:
            self._paced[buffer] = feed
        if len(self._all) == 1:
            self._changed()
        return buffer

    def remove(self, buffer: JitterBuffer) -> None:
        """Let `buffer` listen no more; harmless when it does not."""
        if buffer not in self._all:
            return
        self._all.remove(buffer)
        self._paced.pop(buffer, None)
        if not self._all:
            self._changed()

    def let_go(self) -> None:
        """Tell changes to nobody any more."""
        self._on_change = None

    def _changed(self) -> None:
        if self._on_change:
            self._on_change()


@dataclass(eq=False)
class Tape:
    """One recording of a stream, from its beep to its end.

    Args:
        recorder: decides when it ends.
        listeners: where it listens once it rolls.
        on_end: called once.
    """

    recorder: Recorder
    listeners: Listeners
    on_end: Callable[[Recording], None]
    ended: bool = False
    _buffer: JitterBuffer | None = None

    def roll(self) -> None:
        """Begin to keep sound."""
        if not self.ended:
            self._buffer = self.listeners.add(JitterBuffer(), self._feed)

    def end(self, ended_by: EndedBy) -> None:
        """End the recording; harmless when repeated."""
        if self.ended:
            return
        self.ended = True
        if self._buffer:
            self.listeners.remove(self._buffer)
        self.on_end(self.recorder.finish(ended_by))

    def _feed(self, alaw: bytes) -> None:
        ended_by = self.recorder.feed(alaw)
        if ended_by:
            self.end(ended_by)


class ToneListener:
    """Hears keys in a stream's sound.

    Args:
        listeners: where it listens.
        on_key: called with each key.
    """

    def __init__(self, listeners: Listeners, on_key: Callable[[str], None]) -> None:
        self._listeners, self._on_key = listeners, on_key
        self._detector = ToneDetector()
        self._buffer = listeners.add(JitterBuffer(delay_ms=40), self._feed)

    def leave(self) -> None:
        """Listen no more."""
        self._listeners.remove(self._buffer)

    def _feed(self, alaw: bytes) -> None:
        for key in self._detector.feed(alaw):
            self._on_key(key)
