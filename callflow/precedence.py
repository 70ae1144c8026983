"""Calls go first: whoever has time asks here whether a call waits for our answer."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Precedence:
    """Counts calls whose happening is being answered; a context manager, entered once for each of them."""

    def __init__(self) -> None:
        self._answering = 0
        self._clear = asyncio.Event()
        self._clear.set()

    @property
    def answering(self) -> int:
        """Return how many calls wait for our answer now."""
        return self._answering

    def __enter__(self) -> Self:
        """Begin to answer a call."""
        self._answering += 1
        self._clear.clear()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Answered."""
        self._answering -= 1
        if not self._answering:
            self._clear.set()

    async def clear(self, patience: float) -> bool:
        """Wait until no call waits, at most `patience` seconds; tells whether none does."""
        if self._clear.is_set():
            return True
        try:
            async with asyncio.timeout(patience):
                await self._clear.wait()
        except TimeoutError:
            return False
        return True
