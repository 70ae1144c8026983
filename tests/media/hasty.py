"""An event loop whose clock runs ahead when nobody has anything to do: seconds of sound pass in milliseconds.

Sockets are real. What a busy machine takes longer for takes no time on this clock, so no packet is ever late.
While a thread works for the loop time passes as it does for the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple

from sip.media.waking import Pace

SETTLING_S, LONGEST_S = 0.0005, 0.05  # real time given to the kernel to deliver what is under way on loopback
FAR = 400  # of a leap a part like this is waited in earnest: who gives up after 20 s has waited for 50 ms

Ready = list[tuple[selectors.SelectorKey, int]]
Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class HastyLoop(asyncio.SelectorEventLoop):
    """Its `time()` stands still while there is work and leaps to the next timer when there is none."""

    def __init__(self) -> None:
        self.now = 0.0
        self.threads = 0  # that work for somebody of this loop
        self.waker = _Paced(self)
        super().__init__(self.waker)
        self._echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._echo.bind(("127.0.0.1", 0))
        self._echo.connect(self._echo.getsockname())
        self._echo.settimeout(1)

    def close(self) -> None:
        """Close the loop."""
        super().close()
        self._echo.close()

    def settle(self) -> None:
        """Wait until the kernel has delivered what was sent: a busy one may be late, but keeps the order."""
        with contextlib.suppress(TimeoutError):
            self._echo.send(b"?")
            self._echo.recv(1)

    def time(self) -> float:
        """Return the loop's own time in seconds."""
        return self.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Arguments], Result], *args: *Arguments
    ) -> asyncio.Future[Result]:
        """Let a thread do something."""
        working = super().run_in_executor(executor, func, *args)
        self.threads += 1
        working.add_done_callback(self._back)
        return working

    def _back(self, _: object) -> None:
        self.threads -= 1


def _settling_s(leap_s: float) -> float:
    return min(max(SETTLING_S, leap_s / FAR), LONGEST_S)


class _Leaping(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # a class chosen by the platform
    """Leaps in time instead of waiting for it."""

    _loop: HastyLoop

    def select(self, timeout: float | None = None) -> Ready:
        """Return what is ready; a timeout is over almost at once."""
        ready: Ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._loop.threads:
            return self._waited(timeout)
        if timeout is not None:
            self._loop.settle()
        ready = super().select(None if timeout is None else _settling_s(timeout))
        if not ready and timeout is not None:
            self._loop.now += timeout
        return ready

    def _waited(self, timeout: float | None) -> Ready:
        began = time.monotonic()
        ready: Ready = super().select(timeout)
        passed = time.monotonic() - began
        self._loop.now += passed if timeout is None or ready else max(passed, timeout)
        return ready


class _Paced(Pace, _Leaping):
    """Wakes the engine too, where a test wants that."""

    def __init__(self, loop: HastyLoop) -> None:
        super().__init__(loop.time)
        self._loop = loop
