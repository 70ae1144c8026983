"""Who is visited when."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

Visited = TypeVar("Visited")


class Rounds(Generic[Visited]):
    """Everybody in turn, each once in `moments`.

    Several at one moment rather than one at each: what the processor has not done for a while it does slowly.

    Args:
        moments: how many moments a round has.
        together: how many are visited at one moment, unless there are fewer, or more have to be.
    """

    def __init__(self, moments: int, together: int = 8) -> None:
        self._moments, self._together = moments, together
        self._all: OrderedDict[Visited, None] = OrderedDict()  # who waits longest comes first
        self._owed = 0  # visits, in parts of one: `moments` make a visit

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all)

    def __iter__(self) -> Iterator[Visited]:
        """Iterate over all."""
        return iter(self._all)

    def add(self, one: Visited) -> None:
        """Visit one too, from now on."""
        self._all[one] = None

    def discard(self, one: Visited) -> None:
        """Visit one no more."""
        self._all.pop(one, None)

    def due(self) -> list[Visited]:
        """Return whose turn it is at the next moment."""
        there = len(self._all)
        self._owed += there
        if self._owed < self._moments * min(self._together, there):
            return []
        count, self._owed = divmod(self._owed, self._moments)
        return [self._next() for _ in range(min(count, there))]

    def _next(self) -> Visited:
        one, _ = self._all.popitem(last=False)
        self._all[one] = None
        return one
