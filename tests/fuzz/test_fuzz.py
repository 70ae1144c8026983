"""A short run of what `make fuzz` does for ten minutes."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.campaign import ROUND, FindingError, Report, corpus, one_round
from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target


async def test_mutated_messages_upset_nothing_and_leave_nothing_behind() -> None:
    report, captured = Report(), corpus()
    for seed in range(20_000, 20_100):  # the same rounds on every machine, however fast it is
        one_round(seed, captured, report)
    assert report.messages == 100 * ROUND


async def test_a_telephone_left_alone_ends_empty() -> None:
    target = Target()
    assert target.held["legs"] == 3
    target.settle()
    assert not any(target.held.values())


async def test_a_finding_is_told_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def upset(target: Target, _data: bytes) -> float:
        target.core.counters["internal_error"] += 1
        return 0.0

    monkeypatch.setattr("tests.fuzz.campaign._timed", upset)
    with pytest.raises(FindingError, match="seed 7, message 0"):
        one_round(7, [b"x"], Report())


def test_the_same_seed_gives_the_same_message() -> None:
    seeds = [b"OPTIONS x", b"BYE y"]
    one, other = (mutated(Random(3), seeds) for _ in range(2))  # noqa: S311  # repeatable on purpose
    assert one == other
