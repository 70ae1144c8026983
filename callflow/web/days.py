"""The span of days that a page of figures looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Depends, Query

from callflow.web import words
from callflow.web.staff import HouseDep

CHOICES = (1, 7, 28)


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days where the practice is, today so far included.

    Args:
        count: how many.
        since: aware time at which the first began.
        until: aware present time.
    """

    count: int
    since: datetime
    until: datetime


def chosen(house: HouseDep, days: Annotated[Literal["1", "7", "28"], Query()] = "7") -> Days:
    """Return the days that the address asks for."""
    now, count = house.clock(), int(days)
    today = words.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return Days(count, today - timedelta(days=count - 1), now)


DaysDep = Annotated[Days, Depends(chosen)]
