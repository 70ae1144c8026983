"""A file that was changed soundly and waits for a restart is told calmly: nothing is wrong with the house."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callflow.language.problems import Problem
from callflow.web.staff import LANGUAGE_COOKIE
from tests.support.practice import Practice
from tests.web.test_house import FAULT, asking
from tests.web.test_sign_in import sign_in

WAITS = Problem("practice.yaml", 1, 1, "restart-needed", severity="warning")
TOO = replace(WAITS, file="forms/rezept.yaml")


async def test_programs_hear_which_files_wait_though_the_house_is_well(practice: Practice) -> None:
    async with asking(replace(practice.house, faults=lambda: (WAITS, TOO))) as web:
        health = (await web.get("/health")).json()
    assert (health["status"], health["ok"], health["faults"]) == ("ok", True, [])
    assert (health["reasons"], health["waiting"]) == (
        ["restart_needed"],
        ["practice.yaml", "forms/rezept.yaml"],
    )


async def test_beside_a_broken_file_both_are_told_and_the_broken_one_counts(practice: Practice) -> None:
    async with asking(replace(practice.house, faults=lambda: (FAULT, WAITS))) as web:
        health = (await web.get("/health")).json()
        await sign_in(web)
        page = (await web.get("/house")).text
    assert (health["status"], health["reasons"]) == ("degraded", ["file_broken", "restart_needed"])
    assert ([fault["file"] for fault in health["faults"]], health["waiting"]) == (
        ["flows/praxis.yaml"],
        ["practice.yaml"],
    )
    alarm, _, rest = page.partition("Dateien mit Fehlern")
    assert "practice.yaml" not in alarm
    assert "<code>practice.yaml</code>" in rest


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "de",
            [
                "Geändert, gilt aber erst nach einem Neustart:",
                "aber es gilt noch, was vor der Änderung galt.",
            ],
        ),
        (
            "en",
            [
                "Changed, but in force only after a restart:",
                "but what was in force before the change still is.",
            ],
        ),
    ],
)
async def test_staff_read_it_in_their_language_without_an_alarm(
    practice: Practice, language: str, told: list[str]
) -> None:
    async with asking(replace(practice.house, faults=lambda: (WAITS, TOO))) as web:
        await sign_in(web)
        web.cookies.set(LANGUAGE_COOKIE, language)
        page = (await web.get("/house")).text
    assert [words in page for words in told] == [True, True]
    assert 'role="alert"' not in page
    assert page.index("<code>practice.yaml</code>") < page.index("<code>forms/rezept.yaml</code>")
