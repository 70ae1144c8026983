"""The page on the house's operation tells which flow versions are in force and why a file was refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from callflow.language.versions import Entry
from callflow.store import Call, Tx
from callflow.web.app import create_app
from tests.support.practice import Practice
from tests.web.test_sign_in import sign_in

GOOD = Entry("2026-11-23T09:00:00+00:00", "config/flows", "published", "0123456789abcdef")
BAD = replace(GOOD, action="refused", reason="praxis.yaml:3:1: Den Knoten „x“ gibt es nicht. / no node `x`.")


@pytest.mark.parametrize(
    ("entry", "shown"),
    [(GOOD, "01234567 · config/flows"), (BAD, "praxis.yaml:3:1: Den Knoten „x“ gibt es nicht.")],
)
async def test_staff_see_what_is_in_force_and_why_a_file_was_refused(
    practice: Practice, entry: Entry, shown: str
) -> None:
    house = replace(practice.house, flows=lambda: {"praxis": entry})
    transport = httpx.ASGITransport(create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        await sign_in(web)
        page = (await web.get("/house")).text
    assert "Anrufablauf praxis" in page
    assert shown in page
    assert ('class="late"' in page.split("Anrufablauf praxis")[1]) is (entry is BAD)


async def test_a_disk_that_is_nearly_full_is_told_before_calls_cannot_be_kept(practice: Practice) -> None:
    house = replace(practice.house, room_mb=lambda: 49)
    transport = httpx.ASGITransport(create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        health = (await web.get("/health")).json()
    assert (health["ok"], health["line"], health["disk_mb"]) == (False, True, 49)


async def test_staff_see_how_many_calls_are_in_progress(practice: Practice) -> None:
    """A call that ended counts no more, and one that was lost long ago neither."""
    now = practice.house.clock()

    def call(tx: Tx) -> None:
        for name, began, ended in (("a", 1, None), ("b", 2, None), ("c", 3, now), ("d", 180, None)):
            started = now - timedelta(minutes=began)
            tx.add(Call(id=name, line="sip", dialled="", number="", started_at=started, ended_at=ended))

    practice.store.write_now(call)
    transport = httpx.ASGITransport(create_app(practice.house))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        assert (await web.get("/health")).json()["calls"] == 2
        await sign_in(web)
        page = (await web.get("/house")).text
    assert "Laufende Anrufe</span><b>2</b>" in page
