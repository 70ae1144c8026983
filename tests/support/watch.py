"""How long our own process was held up, so that it is not taken for slowness of what it measures."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Watch:
    """Says how long our own process was held up, in s: `longest` at a time, `held` in all."""

    def __init__(self) -> None:
        self.longest = self.held = 0.0

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            before = clock()
            await asyncio.sleep(0.02)
            self.longest = max(self.longest, clock() - before)
            self.held += clock() - before - 0.02


@contextlib.asynccontextmanager
async def watching() -> AsyncIterator[Watch]:
    watch = Watch()
    running = asyncio.create_task(watch.run())
    yield watch
    running.cancel()
