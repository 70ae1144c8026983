"""When the practice works its inbox off."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from callflow.inbox.blocks import Block, Standing, standing

BERLIN = ZoneInfo("Europe/Berlin")
BLOCKS = (Block(time(16), time(17)), Block(time(11, 30), time(12, 30)))
MONDAY = datetime(2026, 3, 2, tzinfo=BERLIN)


def at(hours: float, days: int = 0) -> datetime:
    return MONDAY + timedelta(days=days, hours=hours)


@pytest.mark.parametrize(
    ("now", "running", "moment"),
    [
        (at(9), False, at(11.5)),
        (at(11.5), True, at(12.5)),
        (at(12.5), False, at(16)),
        (at(17), False, at(11.5, days=1)),
        (at(17, days=4), False, at(11.5, days=7)),
    ],
)
def test_a_block_runs_or_the_next_one_of_a_working_day_is_told(
    now: datetime, moment: datetime, *, running: bool
) -> None:
    assert standing(BLOCKS, now) == Standing(running, moment)


def test_a_day_on_which_the_practice_never_opens_has_no_blocks() -> None:
    def is_open(moment: datetime) -> bool:
        return moment.astimezone(BERLIN).weekday() == 2

    assert standing(BLOCKS, at(9), is_open) == Standing(running=False, at=at(11.5, days=2))
    assert standing(BLOCKS, at(9), lambda _moment: False) is None


def test_without_blocks_nothing_is_told() -> None:
    assert standing((), at(9)) is None
