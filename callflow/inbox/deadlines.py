"""Until when a card is promised to be answered, and when an unanswered call is tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from callflow.effects import Urgency

Open = Callable[[datetime], bool]
_QUARTER = timedelta(minutes=15)
_HORIZON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The practice's promises, in working time.

    Args:
        urgent, soon, routine: time until the answer.
        back: first pause after "nicht erreicht"; it doubles with each attempt.
        longest_back: the pause grows no further.
    """

    urgent: timedelta = timedelta(minutes=15)
    soon: timedelta = timedelta(hours=2)
    routine: timedelta = timedelta(hours=8)
    back: timedelta = timedelta(minutes=30)
    longest_back: timedelta = timedelta(hours=4)

    def due(self, urgency: Urgency, now: datetime, is_open: Open | None = None) -> datetime:
        """Return when a card opened at `now` is due.

        Args:
            urgency: of the card.
            now: aware time of the contact.
            is_open: tells whether the practice works at a moment; then only such time counts, in steps of 15
                minutes, and closures longer than 14 days count as working time.
        """
        promises: dict[Urgency, timedelta] = {
            "urgent": self.urgent,
            "soon": self.soon,
            "routine": self.routine,
        }
        allowed = promises[urgency]
        return now + allowed if is_open is None else _working(now, allowed, is_open)

    def comes_back(self, attempts: int, now: datetime) -> datetime:
        """Return when to try again after the `attempts`-th missed attempt (1 for the first)."""
        doubled = self.back * (1 << min(max(attempts - 1, 0), 16))
        return now + min(doubled, self.longest_back)


def _working(now: datetime, allowed: timedelta, is_open: Open) -> datetime:
    at = now
    while allowed > timedelta() and at - now < _HORIZON:
        step = min(_QUARTER, allowed)
        if is_open(at):
            allowed -= step
            at += step
        else:
            at += _QUARTER
    return at
