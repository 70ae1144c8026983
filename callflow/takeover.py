"""Taking over the calls that lines handled while the app was away: the spool becomes cards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from callflow.events import Caller, CallStarted
from callflow.session import EndedAlone, Sessions
from callflow.spool import Slot, SpooledCall, SpoolReader

AGAIN_S = 10.0  # seconds until what could not be kept is tried again
_log = structlog.get_logger("takeover")


class Takeover:
    """Reads the spool into the books.

    Args:
        spool: all spool files of the house.
        sessions: keep the books of calls.
        clock: gives the aware present time.
    """

    def __init__(self, spool: SpoolReader, sessions: Sessions, clock: Callable[[], datetime]) -> None:
        self._spool = spool
        self._sessions = sessions
        self._clock = clock
        self._reading = asyncio.Lock()
        self._left = asyncio.Event()

    async def run(self) -> None:
        """Try again, until cancelled, what could not be kept: the disk may have been full."""
        while True:
            await self._left.wait()
            self._left.clear()
            await asyncio.sleep(AGAIN_S)
            await self.read()

    async def read(self) -> int:
        """Take over every call that waits; returns how many. What cannot be kept now stays in the spool.

        A record is freed after its card is committed: dying in between reads it again, and the call's id
        keeps a second card from being opened.
        """
        async with self._reading:
            calls = await asyncio.to_thread(self._spool.calls, self._clock())
            return sum([await self._taken(spooled, slots) for spooled, slots in calls])

    async def _taken(self, spooled: SpooledCall, slots: tuple[Slot, ...]) -> bool:
        try:
            await self._sessions.ended_alone(_ended(spooled))
            await asyncio.to_thread(self._spool.done, slots)
        except Exception:  # noqa: BLE001  one record that cannot be kept must not hold up the house
            _log.exception("call not taken over", call=spooled.call)
            self._left.set()
            return False
        _log.info("call taken over", call=spooled.call, outcome=spooled.outcome)
        return True

    async def under_way(self) -> set[str]:
        """Return the calls that lines handle alone right now."""
        return await asyncio.to_thread(self._spool.ids)


def _ended(spooled: SpooledCall) -> EndedAlone:
    started = CallStarted(spooled.dialled, Caller(spooled.caller), spooled.at, spooled.line)
    human = spooled.outcome == "transferred"
    return EndedAlone(spooled.call, started, human, spooled.recording, spooled.sound)
