"""The page of figures."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from callflow.store import Call
from tests.support.practice import Practice
from tests.web.test_team import as_user


def calls(practice: Practice, *days_ago: float) -> None:
    for days in days_ago:
        at = practice.clock() - timedelta(days=days)
        practice.store.write_now(lambda tx, at=at: tx.add(Call(number="", started_at=at)))


@pytest.mark.parametrize(("days", "counted"), [("1", 1), ("7", 2), ("28", 3)])
async def test_the_figures_are_those_of_the_chosen_days(
    web: httpx.AsyncClient, practice: Practice, days: str, counted: int
) -> None:
    calls(practice, 0.1, 3, 20, 40)
    await as_user(web, practice, "anna")
    page = (await web.get(f"/measures?days={days}")).text
    (shown,) = re.findall(r'Anrufe</th><td class="num">(\d+)<', page)
    assert int(shown) == counted


async def test_nobody_reads_figures_without_signing_in(web: httpx.AsyncClient, practice: Practice) -> None:
    assert (await web.get("/measures")).headers["location"] == "/sign-in"
    await as_user(web, practice, "anna")
    assert (await web.get("/measures?days=2")).status_code == 422
