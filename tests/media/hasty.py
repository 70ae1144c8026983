"""An event loop whose clock runs ahead when nobody has anything to do: seconds of sound pass in milliseconds.

Sockets are real. What a busy machine takes longer for takes no time on this clock, so no packet is ever late.
"""

from __future__ import annotations

import asyncio
import selectors

SETTLING_S = 0.0005  # real time given to the kernel to deliver what is under way on loopback

Ready = list[tuple[selectors.SelectorKey, int]]


class HastyLoop(asyncio.SelectorEventLoop):
    """Its `time()` stands still while there is work and leaps to the next timer when there is none."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        """Return the loop's own time in seconds."""
        return self.now


class _Leaping(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # a class chosen by the platform
    """Leaps in time instead of waiting for it."""

    def __init__(self, loop: HastyLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Ready:
        """Return what is ready; a timeout is over almost at once."""
        ready: Ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        ready = super().select(None if timeout is None else SETTLING_S)
        if not ready and timeout is not None:
            self._loop.now += timeout
        return ready
