"""How often somebody may try: a window of attempts per key, in memory, time passed in."""

from __future__ import annotations

from collections import OrderedDict, deque


class Throttle:
    """Counts attempts per key within a sliding window.

    Args:
        limit: attempts allowed within the window.
        seconds: length of the window.
        keys: most keys remembered; the one unused longest is forgotten first, so memory stays bounded.
    """

    def __init__(self, limit: int, seconds: float, keys: int = 10_000) -> None:
        self._limit = limit
        self._seconds = seconds
        self._keys = keys
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Return the seconds until `key` may try again; 0 when it may try now."""
        tries = self._tries.get(key)
        if tries is None:
            return 0.0
        while tries and tries[0] <= now - self._seconds:
            tries.popleft()
        return 0.0 if len(tries) < self._limit else tries[0] + self._seconds - now

    def count(self, key: str, now: float) -> None:
        """Remember an attempt of `key` at `now` (seconds of any steady clock)."""
        tries = self._tries.setdefault(key, deque(maxlen=self._limit))
        tries.append(now)
        self._tries.move_to_end(key)
        if len(self._tries) > self._keys:
            self._tries.popitem(last=False)

    def forget(self, key: str) -> None:
        """Forget the attempts of `key`, after one that was right."""
        self._tries.pop(key, None)
