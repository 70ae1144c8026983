"""Work blocks: the times of a working day that the practice keeps free for the inbox. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_ZONE: Final = ZoneInfo("Europe/Berlin")
_SATURDAY: Final = 5
_AHEAD_DAYS: Final = 14
_QUARTERS: Final = 96


@dataclass(frozen=True, slots=True)
class Block:
    """A part of every working day, in the practice's time."""

    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the day stands: `running`, until `at`; else the next block begins at `at`."""

    running: bool
    at: datetime


def standing(
    blocks: Sequence[Block], now: datetime, is_open: Callable[[datetime], bool] | None = None
) -> Standing | None:
    """Return the block that runs at `now`, else the next one; None when there is none in two weeks.

    Args:
        blocks: of a working day, in any order.
        now: aware time.
        is_open: tells when the practice works; days on which it never does have no blocks. None: Monday to
            Friday.
    """
    for begin, end in _coming(blocks, now, is_open):
        if begin <= now < end:
            return Standing(running=True, at=end)
        if begin > now:
            return Standing(running=False, at=begin)
    return None


def _coming(
    blocks: Sequence[Block], now: datetime, is_open: Callable[[datetime], bool] | None
) -> Iterator[tuple[datetime, datetime]]:
    today = now.astimezone(_ZONE).date()
    for day in (today + timedelta(days=ahead) for ahead in range(_AHEAD_DAYS)):
        if blocks and _worked(day, is_open):
            for block in sorted(blocks, key=lambda each: each.begin):
                yield datetime.combine(day, block.begin, _ZONE), datetime.combine(day, block.end, _ZONE)


def _worked(day: date, is_open: Callable[[datetime], bool] | None) -> bool:
    if is_open is None:
        return day.weekday() < _SATURDAY
    midnight = datetime.combine(day, time(), _ZONE)
    return any(is_open(midnight + quarter * timedelta(minutes=15)) for quarter in range(_QUARTERS))
