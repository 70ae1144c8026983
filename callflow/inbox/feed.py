"""The live feed: who watches the inbox learns of every committed change, in order, none twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sqlmodel import col, delete, func, select

from callflow.store import Change, Store, Tx

_BATCH = 500


def latest(tx: Tx) -> int:
    """Return the number of the newest change, 0 when there is none."""
    return tx.exec(select(func.max(Change.number))).one() or 0


def since(tx: Tx, number: int) -> Sequence[Change]:
    """Return the changes after `number`, oldest first, at most 500."""
    newer = select(Change).where(col(Change.number) > number).order_by(col(Change.number)).limit(_BATCH)
    return tx.exec(newer).all()


def forget(tx: Tx, *, before: datetime) -> None:
    """Delete changes that no window can still be waiting for."""
    tx.exec(delete(Change).where(col(Change.at) < before))


class Feed:
    """Wakes every watcher after a commit; made once an event loop, in the loop that watches."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._watchers: set[asyncio.Event] = set()
        store.on_commit(self._committed)

    async def follow(self, after: int | None = None) -> AsyncIterator[Change]:
        """Yield changes as they are committed, without end.

        Args:
            after: the last change number the watcher knows (SSE's Last-Event-ID); None for "from now on".
        """
        wake = asyncio.Event()
        self._watchers.add(wake)
        try:
            seen = await self._store.read(latest) if after is None else after
            while True:
                wake.clear()
                for change in await self._news(seen):
                    seen = change.number or seen
                    yield change
                    wake.set()
                await wake.wait()
        finally:
            self._watchers.discard(wake)

    async def _news(self, seen: int) -> Sequence[Change]:
        return await self._store.read(lambda tx: since(tx, seen))

    def _committed(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for watcher in self._watchers:
            watcher.set()
