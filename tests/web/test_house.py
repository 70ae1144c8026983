"""The page on the house's operation tells which flow versions are in force and why a file was refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from callflow.language.problems import Problem
from callflow.language.versions import Entry
from callflow.store import Call, Tx
from callflow.web.app import create_app
from callflow.web.house import House
from tests.support.practice import Practice
from tests.web.test_sign_in import sign_in

GOOD = Entry("2026-11-23T09:00:00+00:00", "config/flows", "published", "0123456789abcdef")
BAD = replace(GOOD, action="refused", reason="praxis.yaml:3:1: Das ist kein gültiges YAML")
FAULT = Problem("flows/praxis.yaml", 3, 7, "yaml-syntax", (("reason", "<b>"),))


@pytest.mark.parametrize(
    ("entry", "shown"),
    [(GOOD, ">01234567<"), (BAD, ">01234567; die geänderte Datei ist abgelehnt<")],
)
async def test_staff_see_which_version_is_in_force_and_that_a_file_was_refused(
    practice: Practice, entry: Entry, shown: str
) -> None:
    house = replace(practice.house, flows=lambda: {"praxis": entry})
    async with asking(house) as web:
        await sign_in(web)
        page = (await web.get("/house")).text
    assert "Anrufablauf praxis" in page
    assert shown in page
    assert ('class="late' in page.split("Anrufablauf praxis")[1]) is (entry is BAD)


@asynccontextmanager
async def asking(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser on the pages of this house."""
    transport = httpx.ASGITransport(create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        yield web


async def test_a_broken_file_is_told_by_its_place_to_programs_and_in_words_to_staff(
    practice: Practice,
) -> None:
    async with asking(replace(practice.house, faults=lambda: (FAULT,))) as web:
        answer = await web.get("/health")
        await sign_in(web)
        page = (await web.get("/house")).text
    health = answer.json()
    assert (answer.status_code, health["status"], health["reasons"], health["ok"]) == (
        200,
        "degraded",
        ["file_broken"],
        False,
    )
    place = {"file": "flows/praxis.yaml", "line": 3, "column": 7, "code": "yaml-syntax"}
    assert health["faults"] == [place]
    assert "<code>flows/praxis.yaml:3:7</code><p>Das ist kein gültiges YAML (&lt;b&gt;).</p>" in page
    assert "Es gilt, was zuletzt in Kraft war." in page


@pytest.mark.parametrize(
    ("trunks", "status", "signal"),
    [
        ({}, "ok", "Telefon bereit"),
        ({"amt": True}, "ok", "Telefon bereit"),
        ({"amt": True, "anlage": False}, "degraded", "Telefon bereit"),
        ({"amt": False}, "degraded", "Telefon gestört"),
    ],
)
async def test_a_trunk_that_is_down_is_told_though_the_program_lives(
    practice: Practice, trunks: dict[str, bool], status: str, signal: str
) -> None:
    async with asking(replace(practice.house, trunks=lambda: trunks)) as web:
        answer = await web.get("/health")
        await sign_in(web)
        page = (await web.get("/house")).text
    health = answer.json()
    assert (answer.status_code, health["status"], health["trunks"]) == (200, status, trunks)
    assert health["reasons"] == ([] if status == "ok" else ["trunk_down"])
    told = [name for name, up in trunks.items() if not up]
    assert [f"kein Anruf: {name}</li>" in page for name in told] == [True] * len(told)
    assert f'id="line">{signal}</span>' in page


async def test_a_line_that_is_down_is_worse_than_a_trunk(practice: Practice) -> None:
    async with asking(replace(practice.house, line_up=lambda: False, trunks=lambda: {"amt": False})) as web:
        answer = await web.get("/health")
    health = answer.json()
    assert (answer.status_code, health["status"], health["reasons"]) == (
        200,
        "down",
        ["line_down", "trunk_down"],
    )


async def test_a_disk_that_is_nearly_full_is_told_before_calls_cannot_be_kept(practice: Practice) -> None:
    house = replace(practice.house, room_mb=lambda: 49)
    async with asking(house) as web:
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
    async with asking(practice.house) as web:
        assert (await web.get("/health")).json()["calls"] == 2
        await sign_in(web)
        page = (await web.get("/house")).text
    assert "Laufende Anrufe</span><b>2</b>" in page
