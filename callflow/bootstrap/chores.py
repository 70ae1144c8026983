"""What is due by the clock: unused links become cards, forgotten claims go back, old feed entries go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from callflow.inbox import Deadlines, feed, release_stale
from callflow.links.fallback import unused
from callflow.store import Store, Tx

EVERY = 5.0  # seconds
FEED_KEPT = timedelta(days=2)
_log = structlog.get_logger("chores")


class Chores:
    """Does what is due, again and again.

    Args:
        store: the database.
        deadlines: of the cards that are opened.
        claims: how long a claim lasts without a sign of life.
    """

    def __init__(self, store: Store, deadlines: Deadlines, claims: timedelta) -> None:
        self._store = store
        self._deadlines = deadlines
        self._claims = claims

    async def run(self) -> None:
        """Work until cancelled; a failed round is logged and the next one tries again."""
        while True:
            try:
                await self._store.write(lambda tx: self.due(tx, datetime.now(UTC)))
            except Exception as error:  # noqa: BLE001  # a chore must outlive a full disk
                _log.error("chores failed", why=type(error).__name__)
            await asyncio.sleep(EVERY)

    def due(self, tx: Tx, now: datetime) -> None:
        """Do what is due at `now`."""
        unused(tx, now=now, deadlines=self._deadlines)
        release_stale(tx, now=now, after=self._claims)
        feed.forget(tx, before=now - FEED_KEPT)
