"""Everybody can use the pages: WCAG 2.2 AA by axe-core, in every page, light and dark, left and right."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from callflow.outbox import endpoints, events, queue
from callflow.outbox.endpoints import Subscription
from callflow.store import Tx
from tests.support.browser import Window
from tests.support.practice import PASSWORD, Practice
from tests.web.conftest import Windows
from tests.web.test_browser_form import born, fill_person, onward, phone, tick
from tests.web.test_browser_thread import answered

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
    patient.go(answered(served, "Ihr Rezept liegt bereit."))
    assert patient.find("html").get_attribute("dir") == direction
    check(patient, found, "thread's door")
    patient.click(".actions .primary")
    patient.find(".fault")
    check(patient, found, "thread's door, faults")
    born(patient)
    check(patient, found, "thread")
    patient.click(".actions .primary")
    patient.find(".fault")
    check(patient, found, "thread, faults")
    patient.type("[name=text]", "Danke")
    onward(patient)
    check(patient, found, "thread, sent")
    assert found == {}


@pytest.mark.parametrize("small", [False, True])
def test_the_staffs_pages_have_no_finding_wide_and_dark_or_small_and_light(
    served: Practice, windows: Windows, *, small: bool
) -> None:
    served.card("dringend", "+493512345678", ago=40, urgency="urgent", due=15, name="Helga Brandt")
    served.card("au", "+491702345678", ago=30, urgency="soon")
    card = served.card("rezept")
    served.link()
    endpoint(served)
    admin = phone(windows) if small else windows(dark=True)
    found: dict[str, list[Any]] = {}
    admin.go("/sign-in")
    check(admin, found, "sign-in")
    admin.sign_in("admin", PASSWORD)
    admin.go(f"/inbox/{card.id}")
    check(admin, found, "card")
    admin.click("[data-key=u]")
    admin.find("[data-key=n]")
    check(admin, found, "card held")
    person = f"/users/{served.users['anna']}"
    for path in (
        "/users",
        person,
        "/programs",
        "/outbox",
        "/house",
        "/measures",
        "/measures/quality",
        "/flows",
        "/nirgends",
    ):
        admin.go(path)
        check(admin, found, path)
    for path in ("/inbox", "/inbox?view=later", "/inbox?q=niemand"):
        admin.go(path)
        check(admin, found, path)
    assert found == {}


def endpoint(practice: Practice) -> None:
    """Have a token, an endpoint and a dead letter, so that their pages are full."""
    now = practice.clock()
    practice.api_token()

    def work(tx: Tx) -> None:
        made = endpoints.add(tx, Subscription("PVS", "https://pvs.example/ereignisse"), now=now)
        queue.given_up(events.test(tx, made.id, now=now), "failed", "forbidden address", now=now)

    practice.store.write_now(work)
