"""Everybody can use the pages: WCAG 2.2 AA by axe-core, in every page, light and dark, left and right."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.browser import Window
from tests.support.practice import PASSWORD, Practice
from tests.web.conftest import Windows
from tests.web.test_browser_form import fill_person, onward, phone, tick

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {runOnly: arguments[0]}).then((found) => done(found.violations.map(
  (fault) => [fault.impact, fault.id, fault.nodes.map((node) => node.html.slice(0, 120))])));
"""


def findings(window: Window) -> list[Any]:
    window.script(AXE)
    return cast("list[Any]", window.driver.execute_async_script(RUN, RULES))


def check(window: Window, found: dict[str, list[Any]], name: str) -> None:
    faults = findings(window)
    if window.script("return document.documentElement.scrollWidth > innerWidth"):
        faults.append("wider than the window")
    if faults:
        found[name] = faults


@pytest.mark.parametrize(
    ("language", "direction", "dark"), [("de", "ltr", False), ("ar", "rtl", True), ("uk", "ltr", False)]
)
def test_the_patients_pages_have_no_finding(
    served: Practice, windows: Windows, language: str, direction: str, *, dark: bool
) -> None:
    patient = phone(windows, language=language, dark=dark)
    found: dict[str, list[Any]] = {}
    patient.go(f"/f/{served.link('rezept')}")
    assert patient.find("html").get_attribute("dir") == direction
    assert patient.find("html").get_attribute("lang") == language
    check(patient, found, "first page")
    patient.click(".actions .primary")
    patient.find(".fault")
    check(patient, found, "faults")
    patient.type("[name=medikamente]", "Ramipril 5 mg")
    onward(patient)
    tick(patient, "ausgabe", "abholen")
    tick(patient, "karte", "ja")
    check(patient, found, "choices")
    onward(patient)
    check(patient, found, "person")
    fill_person(patient)
    check(patient, found, "contact")
    tick(patient, "einwilligung", "2026-11")
    onward(patient)
    check(patient, found, "review")
    onward(patient)
    check(patient, found, "done")
    patient.go("/f/nope")
    check(patient, found, "gone")
    patient.go(f"/f/{served.link('frage')}")
    check(patient, found, "red flags")
    tick(patient, "warnzeichen", "luft")
    onward(patient)
    check(patient, found, "stop")
    patient.go("/form/choose")
    check(patient, found, "choose")
    assert found == {}


@pytest.mark.parametrize("dark", [False, True])
def test_the_staffs_pages_have_no_finding(served: Practice, windows: Windows, *, dark: bool) -> None:
    served.card("dringend", "+493512345678", ago=40, urgency="urgent", due=15, name="Helga Brandt")
    served.card("au", "+491702345678", ago=30, urgency="soon")
    card = served.card("rezept")
    served.link()
    admin = windows(dark=dark)
    found: dict[str, list[Any]] = {}
    admin.go("/sign-in")
    check(admin, found, "sign-in")
    admin.sign_in("admin", PASSWORD)
    check(admin, found, "inbox")
    admin.go(f"/inbox/{card.id}")
    check(admin, found, "card")
    admin.click("[data-key=u]")
    admin.find("[data-key=n]")
    check(admin, found, "card held")
    for path in ("/users", "/outbox", "/house", "/inbox?view=later", "/flows"):
        admin.go(path)
        check(admin, found, path)
    small = windows(width=390, height=844, mobile=True, dark=dark)
    small.sign_in("anna", PASSWORD)
    check(small, found, "inbox on a phone")
    small.go(f"/inbox/{card.id}")
    check(small, found, "card on a phone")
    assert found == {}
