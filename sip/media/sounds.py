"""The sounds being sent, in one block of memory from which numpy cuts the packets of many calls at once."""

from __future__ import annotations

from bisect import bisect, insort
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callflow import g711

LONGEST_PACKET: Final = 480  # bytes of 60 ms
ULAW_SILENCE: Final = 0xFF

_FIRST: Final = 2 * LONGEST_PACKET  # the two silences lie before all clips


@dataclass(slots=True)
class BankClip:
    """A clip's place in the bank: `start` and `length` in bytes, `users` that play it just now."""

    start: int
    length: int
    users: int = 0


class SoundBank:
    """A-law and µ-law clips side by side, the least recently played ones making way for new ones.

    Args:
        limit: bytes that the bank may take before it drops clips nobody plays.
    """

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self._limit = limit
        self._block = np.full(1 << 20, g711.SILENCE, np.uint8)
        self._block[LONGEST_PACKET:_FIRST] = ULAW_SILENCE
        self._gaps = [(_FIRST, len(self._block) - _FIRST)]
        self._clips: OrderedDict[tuple[bytes, bool], BankClip] = OrderedDict()
        self._windows: dict[int, NDArray[np.uint8]] = {}

    @staticmethod
    def silence(*, ulaw: bool) -> int:
        """Return the offset of `LONGEST_PACKET` bytes of silence."""
        return LONGEST_PACKET if ulaw else 0

    @property
    def size(self) -> int:
        """Bytes of the block."""
        return len(self._block)

    def windows(self, length: int) -> NDArray[np.uint8]:
        """Return a view of shape (n, length) whose row i holds the bytes from offset i on."""
        view = self._windows.get(length)
        if view is None:
            view = np.lib.stride_tricks.sliding_window_view(self._block, length)
            self._windows[length] = view
        return view

    def hold(self, alaw: bytes, *, ulaw: bool) -> BankClip:
        """Return the place of a clip, brought in (and converted) if need be; it stays until `release`."""
        clip = self._clips.get((alaw, ulaw))
        if clip is None:
            clip = self._bring(g711.A_TO_U if ulaw else None, alaw)
            self._clips[(alaw, ulaw)] = clip
        self._clips.move_to_end((alaw, ulaw))
        clip.users += 1
        return clip

    @staticmethod
    def release(clip: BankClip) -> None:
        """Let go of a held clip; it stays until its room is needed."""
        clip.users -= 1

    def _bring(self, table: bytes | None, alaw: bytes) -> BankClip:
        start = self._room(len(alaw) + LONGEST_PACKET)
        end = start + len(alaw)
        self._block[start:end] = np.frombuffer(alaw.translate(table), np.uint8)
        # A last packet that is not full runs on into this silence.
        self._block[end : end + LONGEST_PACKET] = ULAW_SILENCE if table else g711.SILENCE
        return BankClip(start, len(alaw))

    def _room(self, size: int) -> int:
        start = self._fit(size)
        if start is None and self.size >= self._limit:
            start = self._evict_for(size)
        while start is None:
            self._grow()
            start = self._fit(size)
        return start

    def _fit(self, size: int) -> int | None:
        for index, (start, room) in enumerate(self._gaps):
            if room < size:
                continue
            self._gaps[index : index + 1] = [(start + size, room - size)] if room > size else []
            return start
        return None

    def _evict_for(self, size: int) -> int | None:
        for key in [key for key, clip in self._clips.items() if not clip.users]:
            clip = self._clips.pop(key)
            self._free(clip.start, clip.length + LONGEST_PACKET)
            if (start := self._fit(size)) is not None:
                return start
        return None

    def _free(self, start: int, room: int) -> None:
        index = bisect(self._gaps, (start, 0))
        if index < len(self._gaps) and self._gaps[index][0] == start + room:
            room += self._gaps.pop(index)[1]
        if index and sum(self._gaps[index - 1]) == start:
            before, size = self._gaps.pop(index - 1)
            start, room = before, size + room
        insort(self._gaps, (start, room))

    def _grow(self) -> None:
        size = self.size
        block = np.empty(2 * size, np.uint8)
        block[:size] = self._block
        self._block = block
        self._windows.clear()
        self._free(size, size)
