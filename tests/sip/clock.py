"""A clock that tests turn by hand."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class Timer:
    """One call to come."""

    at: float
    number: int
    callback: Callable[..., object] = field(compare=False)
    arguments: tuple[object, ...] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Call it off and, as asyncio does, hold on to nothing."""
        self.cancelled, self.callback, self.arguments = True, print, ()


class HandClock:
    """Time stands still until `advance`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[Timer] = []
        self._count = 0

    def __len__(self) -> int:
        return sum(not timer.cancelled for timer in self._timers)

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Timer:
        self._count += 1
        timer = Timer(self.now + delay, self._count, callback, args)
        heapq.heappush(self._timers, timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass, calling what falls due in order."""
        until = self.now + seconds
        while self._timers and self._timers[0].at <= until:
            timer = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            self.now = timer.at
            timer.callback(*timer.arguments)
        self.now = until
