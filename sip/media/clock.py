"""The one clock of all calls: sub-ticks of 5 ms, and which calls send on which of them.

Spreading many calls over sub-ticks keeps bursts short: with 20 ms packets each call sends on every fourth.
Fewer calls share one sub-tick instead: waking up costs more than sending, sending in a row less.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from sip.media.rows import Rows
from sip.media.sounds import SoundBank

SUBTICK_MS: Final = 5
FRAME_SUBTICKS: Final = 20 // SUBTICK_MS
PACKET_TIMES_MS: Final = (10, 20, 30, 40, 50, 60)

_SUBTICK_S: Final = SUBTICK_MS / 1000
_ROUNDING: Final = 1e-6  # a timer that fires exactly on time must not find its sub-tick a nanosecond away
_LATEST: Final = 20  # sub-ticks that are made up for; more would only flood the peers' jitter buffers
_BYTES_PER_MS: Final = 8
BURST: Final = 256  # calls that may send at once before the next sub-tick is taken into use


class Clock:
    """Tells which sub-ticks are due, on a grid that never drifts.

    Args:
        began: when sub-tick 0 was (or would have been), in seconds of any monotonic clock.
        first: the first sub-tick to be done.
    """

    def __init__(self, began: float, first: int = 0) -> None:
        self._began = began
        self._next = first

    def due(self, now: float) -> tuple[int, range]:
        """Return (sub-ticks to be skipped, sub-ticks to be done now) and count both as done."""
        end = math.floor((now - self._began) / _SUBTICK_S + _ROUNDING) + 1
        first = max(self._next, end - _LATEST)
        skipped, self._next = first - self._next, max(end, self._next)
        return skipped, range(first, end)

    @property
    def next(self) -> int:
        """The next sub-tick that is not done yet."""
        return self._next

    def at(self, subtick: int) -> float:
        """Return when a sub-tick is due."""
        return self._began + subtick * _SUBTICK_S


class Wheel:
    """All rows, by packet time and phase.

    Args:
        bank: the clips being played, for the rows that are made here.
    """

    def __init__(self, bank: SoundBank) -> None:
        self.subtick = 0
        self._spokes: dict[int, list[Rows]] = {}
        self._bank = bank

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.all())

    def rows(self, ptime_ms: int) -> Rows:
        """Return rows of this packet time: the first with room in its burst, or else the emptiest.

        Raises:
            ValueError: not one of `PACKET_TIMES_MS`.
        """
        if ptime_ms not in PACKET_TIMES_MS:
            raise ValueError(f"packets of {ptime_ms} ms are not sent")
        if ptime_ms not in self._spokes:
            packet = ptime_ms * _BYTES_PER_MS
            self._spokes[ptime_ms] = [Rows(self._bank, packet) for _ in range(ptime_ms // SUBTICK_MS)]
        spoke = self._spokes[ptime_ms]
        return next((rows for rows in spoke if len(rows) < BURST), None) or min(spoke, key=len)

    def turn(self, subtick: int) -> None:
        """Send for all rows whose moment this is."""
        self.subtick = subtick + 1
        for spoke in self._spokes.values():
            spoke[subtick % len(spoke)].tick()

    def next_busy(self, subtick: int) -> int:
        """Return the first sub-tick from `subtick` on that is anybody's, at most the next one of 20 ms."""
        last = subtick + -subtick % FRAME_SUBTICKS
        for each in range(subtick, last):
            for spoke in self._spokes.values():
                if spoke[each % len(spoke)].busy:
                    return each
        return last

    def skip(self, first: int, count: int) -> None:
        """Let `count` sub-ticks from `first` on pass without sending."""
        self.subtick = first + count
        for spoke in self._spokes.values():
            for phase, rows in enumerate(spoke):
                begin = (phase - first) % len(spoke)
                rows.skip(len(range(begin, count, len(spoke))))

    @property
    def failed(self) -> int:
        """Packets that the kernel refused."""
        return sum(rows.failed for rows in self.all())

    def all(self) -> Iterable[Rows]:
        """Return all rows, empty ones too."""
        return (rows for spoke in self._spokes.values() for rows in spoke)
