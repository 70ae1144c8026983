"""Until when a card is promised to be answered, and when an unanswered call is tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from callflow.effects import Urgency

Open = Callable[[datetime], bool]
_QUARTER = timedelta(minutes=15)
_HORIZON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The practice's promises.

    Args:
        urgent: time until an urgent card is answered, whether the practice is open or not.
        answers: concern -> working time until its answer.
        other: working time for concerns not named, and for cards without one.
        pauses: how long a card rests after the first, second, ... call that nobody took; the last repeats.
        is_open: tells whether the practice works at a moment; None counts every hour as working time.
    """

    urgent: timedelta = timedelta(minutes=15)
    answers: Mapping[str, timedelta] = field(default_factory=dict)
    other: timedelta = timedelta(hours=8)
    pauses: tuple[timedelta, ...] = (timedelta(minutes=30), timedelta(hours=2), timedelta(hours=4))
    is_open: Open | None = None

    def due(self, concern: str, urgency: Urgency, now: datetime) -> datetime:
        """Return when a card opened at `now` is due; working time counts in steps of 15 minutes."""
        if urgency == "urgent":
            return now + self.urgent
        allowed = self.answers.get(concern, self.other)
        return now + allowed if self.is_open is None else _after_working(allowed, now, self.is_open)

    def comes_back(self, attempts: int, now: datetime) -> datetime:
        """Return when to call again after the `attempts`-th call that nobody took (1 for the first)."""
        return now + self.pauses[min(max(attempts, 1), len(self.pauses)) - 1]


def _after_working(allowed: timedelta, now: datetime, is_open: Open) -> datetime:
    at = now
    # The horizon bounds a calendar that is closed for good.
    while allowed > timedelta() and at - now < _HORIZON:
        step = min(_QUARTER, allowed)
        if is_open(at):
            allowed -= step
            at += step
        else:
            at += _QUARTER
    return at
