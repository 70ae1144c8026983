"""What wakes the engine: the asyncio loop, or a selector that does so while the loop waits in it.

The loop's own way (a timer or a reader, and a turn of the loop for each) is dear on a processor that has just
slept and fetches everything from memory first: at 100 calls it took as long as sending ten packets. A loop
made with a `PacedSelector` is left alone unless there is something for it to do.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Tick = Callable[[float], bool]
Read = Callable[[], bool]
Ready = list[tuple[selectors.SelectorKey, int]]


class Selectable(Protocol):
    """A file to wait for."""

    def fileno(self) -> int:
        """Return its number."""


class Waker(Protocol):
    """Calls the engine.

    What it calls returns whether it left anything to be done by the loop.
    """

    def wake(self, when: float, tick: Tick) -> None:
        """Call `tick(now)` at `when` (the loop's seconds) instead of at any time named before."""

    def rest(self) -> None:
        """Call no tick any more."""

    def listen(self, file: Selectable, read: Read) -> None:
        """Call `read` whenever the file can be read."""

    def ignore(self, file: Selectable) -> None:
        """Stop that."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """Tells the engine's files from the loop's."""

    read: Read


class LoopWaker:
    """Wakes by any asyncio loop's own timers and readers.

    Args:
        loop: the loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def wake(self, when: float, tick: Tick) -> None:
        """See `Waker`."""
        self.rest()
        self._timer = self._loop.call_at(when, self._fire, tick)

    def rest(self) -> None:
        """See `Waker`."""
        if self._timer:
            self._timer.cancel()

    def listen(self, file: Selectable, read: Read) -> None:
        """See `Waker`."""
        self._loop.add_reader(file, read)

    def ignore(self, file: Selectable) -> None:
        """See `Waker`."""
        self._loop.remove_reader(file)

    def _fire(self, tick: Tick) -> None:
        self._timer = None
        tick(self._loop.time())


class Pace(selectors.BaseSelector):
    """What makes a selector a `Waker`: while a loop waits in it the engine's ticks and reads pass by.

    To stand before the selector's class among a class' bases.

    Args:
        now: the time of the loop that waits here, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.now = now
        self._when = math.inf
        self._tick: Tick = _nothing

    def wake(self, when: float, tick: Tick) -> None:
        """See `Waker`."""
        self._when, self._tick = when, tick

    def rest(self) -> None:
        """See `Waker`."""
        self._when = math.inf

    def listen(self, file: Selectable, read: Read) -> None:
        """See `Waker`."""
        self.register(file, selectors.EVENT_READ, _Heard(read))

    def ignore(self, file: Selectable) -> None:
        """See `Waker`."""
        self.unregister(file)

    def select(self, timeout: float | None = None) -> Ready:
        """Wait as any selector does, but come back early only for what is the loop's."""
        now = self.now()
        end = math.inf if timeout is None else now + timeout
        while True:
            wait = min(self._when, end) - now
            ready: Ready = super().select(wait if wait < math.inf else None)
            now = self.now()
            told = now >= self._when and self._ticked(now)
            if ready:
                told |= self._read(ready)
            if told or ready or now >= end:
                return ready
            now = self.now()

    def _ticked(self, now: float) -> bool:
        self._when = math.inf
        try:
            return self._tick(now)
        except Exception as error:  # noqa: BLE001 - as asyncio does with what a timer raises
            return _tell(error)

    def _read(self, ready: Ready) -> bool:
        """Read what is the engine's, and take it out of what is ready."""
        told = False
        for event in tuple(ready):
            heard = event[0].data
            if isinstance(heard, _Heard):  # whatever is the loop's has data of the loop's
                ready.remove(event)
                try:
                    told |= heard.read()
                except Exception as error:  # noqa: BLE001 - as asyncio does with what a reader raises
                    told = _tell(error)
        return told


class PacedSelector(Pace, selectors.DefaultSelector):
    """The platform's best selector, which also wakes the engine."""


def _tell(error: Exception) -> bool:
    """Let the loop tell of a fault, which must not end it."""
    context = {"message": "the sound engine failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
    return True


def _nothing(_now: float) -> bool:
    return False
