"""Timers of a few fixed delays, for many calls at once.

Each call sets some timers, nearly all for the same few delays (RFC 3261's T1 and 64*T1). Those of one delay
fall due in the order in which they were set: a queue for each delay, with the event loop asked for the first
alone, costs less than an entry in the loop's own heap for every one of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

_LONGEST_S = (
    40.0  # longer ones are mostly called off: the loop forgets such, a queue keeps them for their time
)


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Call it off."""


class Clock(Protocol):
    """The part of an event loop that signalling needs; tests pass a clock they turn by hand."""

    def time(self) -> float:
        """Monotonic time in seconds."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Timer:
        """Call later."""


class _Entry:
    """One timer; without a callback it was called off."""

    __slots__ = ("args", "callback", "due")

    def __init__(self, due: float, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        self.due = due
        self.callback: Callable[..., object] | None = callback
        self.args = args

    def cancel(self) -> None:
        """Call it off, and hold on to nothing."""
        self.callback, self.args = None, ()


class Timers:
    """A clock that keeps timers of equal delay together.

    Args:
        clock: the event loop.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queues: dict[float, deque[_Entry]] = {}
        self.time = clock.time

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Timer:
        """Call `callback(*args)` in `delay` seconds."""
        if delay > _LONGEST_S:
            return self._clock.call_later(delay, callback, *args)
        entry = _Entry(self.time() + delay, callback, args)
        queue = self._queues.get(delay)
        if queue is None:
            self._queues[delay] = deque((entry,))
            self._clock.call_later(delay, self._due, delay)
        else:
            queue.append(entry)
        return entry

    def _due(self, delay: float) -> None:
        """Wait for the next one of a delay, or forget the delay; then call what is due."""
        queue, now = self._queues[delay], self.time()
        due: deque[_Entry] = deque()
        while queue and (queue[0].callback is None or queue[0].due <= now):
            due.append(queue.popleft())
        if queue:
            self._clock.call_later(queue[0].due - now, self._due, delay)
        else:
            del self._queues[delay]
        self._call(due)

    def _call(self, due: deque[_Entry]) -> None:
        """Call each; what one raises is the event loop's to report and keeps nobody else waiting."""
        while due:
            entry = due.popleft()
            if entry.callback is None:
                continue
            try:
                entry.callback(*entry.args)
            except BaseException:
                self._clock.call_later(0.0, self._call, due)
                raise
