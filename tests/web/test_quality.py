"""How calls sounded: the page for people, the API for programs."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from callflow.quality import SoundQuality
from callflow.store import Call, Tx
from callflow.store.standing import heard
from tests.support.practice import Practice
from tests.web.test_api import bearer
from tests.web.test_team import as_user

GOOD = SoundQuality(0.002, 4.0, 0.0, 21.0)
FAIR = SoundQuality(0.023, 4.0, None, None)
BAD = SoundQuality(0.0, 41.0, 0.072, 420.0)


def call(practice: Practice, sound: SoundQuality, *, line: str = "telefon", days_ago: int = 0) -> str:
    """Write a call of two minutes; return its id."""
    began = practice.clock() - timedelta(days=days_ago, minutes=10)
    row = Call(
        line=line,
        dialled="+4935112345600",
        number="+4915112345678",
        started_at=began,
        ended_at=began + timedelta(seconds=125),
    )

    def work(tx: Tx) -> str:
        tx.add(row)
        tx.flush()
        heard(tx, row.id, sound)
        return row.id

    return practice.store.write_now(work)


def cells(page: str) -> list[list[str]]:
    """Return the texts of every table row's cells."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    plain = [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.split(r"</t[hd]>", row)[:-1]] for row in rows
    ]
    return [row for row in plain if row]


async def test_the_page_counts_by_line_and_day_and_lists_what_did_not_sound_good(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    call(practice, GOOD)
    poor = call(practice, BAD)
    call(practice, GOOD, line="fax")
    older = call(practice, FAIR, days_ago=2)
    call(practice, SoundQuality())
    call(practice, BAD, days_ago=9)
    await as_user(web, practice, "anna")
    page = (await web.get("/measures/quality?days=7")).text
    rows = cells(page)
    assert [row[1:] for row in rows[1:4]] == [
        ["fax", "1", "0", "0", "0 %"],
        ["telefon", "2", "0", "1", "50 %"],
        ["telefon", "1", "1", "0", "100 %"],
    ]
    assert [row[1:] for row in rows[5:]] == [
        ["Schlecht", "0,0 %", "7,2 %", "41,0 ms", "420,0 ms", "telefon", "0351 12345600", "2:05", poor],
        ["Auffällig", "2,3 %", "–", "4,0 ms", "–", "telefon", "0351 12345600", "2:05", older],
    ]
    assert "<b>7,2 %</b>" in page
    assert "5112345678" not in page


async def test_the_page_says_so_when_nothing_was_measured_and_when_all_was_good(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    await as_user(web, practice, "anna")
    assert "noch keine Leitung" in (await web.get("/measures/quality")).text
    call(practice, GOOD)
    assert "alle gemessenen Anrufe gut" in (await web.get("/measures/quality")).text


async def test_the_page_of_figures_leads_there(web: httpx.AsyncClient, practice: Practice) -> None:
    call(practice, GOOD)
    call(practice, BAD)
    await as_user(web, practice, "anna")
    page = (await web.get("/measures")).text
    assert "1 von 2 Anrufen" in page
    assert 'href="/measures/quality?days=7"' in page


async def test_nobody_reads_it_without_signing_in(web: httpx.AsyncClient) -> None:
    assert (await web.get("/measures/quality")).headers["location"] == "/sign-in"


@pytest.mark.parametrize(("sound", "grade"), [(SoundQuality(), "unknown"), (FAIR, "fair"), (BAD, "bad")])
async def test_programs_read_the_sound_of_each_call(
    web: httpx.AsyncClient, practice: Practice, sound: SoundQuality, grade: str
) -> None:
    made = call(practice, sound)
    told = (await web.get(f"/api/calls/{made}", headers=bearer(practice, "calls:read"))).json()["sound"]
    assert told == {
        "grade": grade,
        "loss": sound.loss,
        "jitter_ms": sound.jitter_ms,
        "remote_loss": sound.remote_loss,
        "round_trip_ms": sound.round_trip_ms,
    }
    (listed,) = (await web.get("/api/calls", headers=bearer(practice, "calls:read"))).json()
    assert listed["sound"] == told
