"""How long callers wait for a destination: measured from those who waited lately, for those who wait now.

Durations and places only, in memory; no number, no name. After a restart nothing is known and nothing said.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

LATELY = timedelta(hours=2)
"""The morning's rush says nothing of the afternoon."""

LEAST, MOST = 3, 20
"""Waits that an estimate needs, and that are kept for a destination."""

LONGEST_MINUTES = 60
"""Nobody is told more than this: so far ahead it is no estimate any more."""

_MOST_WAITING = 2000


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait that ended with a person.

    Args:
        ended: aware time at which the person answered.
        lasted: from the first question to the answer.
        place: in the queue when it began, counted from 1.
    """

    ended: datetime
    lasted: timedelta
    place: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    destination: str
    since: datetime
    place: int
    held: bool


def expected(waits: Iterable[Wait], place: int, now: datetime) -> timedelta | None:
    """Estimate how long `place` takes to come to the front: the median time for one place, times the place.

    Returns:
        None when fewer than `LEAST` waits ended `LATELY`.
    """
    each = [wait.lasted.total_seconds() / wait.place for wait in waits if now - LATELY <= wait.ended <= now]
    return timedelta(seconds=median(each) * place) if len(each) >= LEAST else None


@dataclass(slots=True)
class Waits:
    """The waits of all destinations of this house."""

    _ended: dict[str, deque[Wait]] = field(default_factory=dict)
    _waiting: OrderedDict[str, _Waiting] = field(default_factory=OrderedDict)

    def asked(self, call: str, destination: str, place: int, now: datetime) -> None:
        """Note that a call waits; the first time for a destination is when its wait began."""
        known = self._waiting.get(call)
        if known is None or known.destination != destination:
            self._waiting[call] = _Waiting(destination, now, place, held=place > 1)
        elif now > known.since:  # asked again: it was not put through at once
            self._waiting[call] = _Waiting(destination, known.since, known.place, held=True)
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popitem(last=False)

    def answered(self, call: str, now: datetime) -> None:
        """Note that a person took the call; who never had to hold tells nothing about the queue."""
        known = self._waiting.pop(call, None)
        if known is None or not known.held:
            return
        ended = self._ended.setdefault(known.destination, deque(maxlen=MOST))
        ended.append(Wait(now, now - known.since, known.place))

    def over(self, call: str) -> None:
        """Forget a call that has ended or gone elsewhere."""
        self._waiting.pop(call, None)

    def minutes(self, destination: str, place: int, now: datetime) -> int | None:
        """Return the expected wait in whole minutes, at least 1; None when unknown or too long to say."""
        wait = expected(self._ended.get(destination, ()), place, now)
        if wait is None:
            return None
        minutes = max(1, round(wait / timedelta(minutes=1)))
        return minutes if minutes <= LONGEST_MINUTES else None
