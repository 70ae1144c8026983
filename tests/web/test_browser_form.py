"""The form as a patient meets it: a link in an SMS, on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from callflow import inbox
from callflow.web.body import FILES_BYTES
from tests.support.browser import Window
from tests.support.practice import PATIENT, Practice
from tests.web.conftest import Windows


def phone(windows: Windows, **more: object) -> Window:
    return windows(width=390, height=844, mobile=True, **more)


def tick(window: Window, name: str, value: str) -> None:
    window.click(f"label.choice:has([name={name}][value='{value}'])")


def onward(window: Window) -> None:
    before = window.path
    window.click(".actions .primary")
    window.wait(lambda: window.path != before)


def type_birth(window: Window) -> None:
    for part, text in (("day", "14"), ("month", "3"), ("year", "1961")):
        window.type(f"[name='geburt.{part}']", text)


def born(window: Window) -> None:
    """Open a thread's door."""
    type_birth(window)
    window.click(".actions .primary")
    window.find(".thread")


ARRIVED = "return !document.documentElement.dataset.sent && document.readyState === 'complete'"


def send(window: Window) -> None:
    """Send a page, be it right or not, and wait for the next one."""
    # By a mark, not by an element gone stale: the driver stumbles over one whose page is just going.
    window.script("document.documentElement.dataset.sent = '1'")
    window.click(".actions .primary")
    window.wait(lambda: window.script(ARRIVED))


def fill_person(window: Window) -> None:
    tick(window, "fuer", "selbst")
    window.type("[name=name]", "Thomas Lehmann")
    type_birth(window)
    tick(window, "kasse", "gesetzlich")
    onward(window)


def fill_prescription(window: Window) -> None:
    window.type("[name=medikamente]", "Ramipril 5 mg")
    onward(window)
    tick(window, "ausgabe", "erezept")
    tick(window, "karte", "ja")
    onward(window)
    fill_person(window)
    tick(window, "einwilligung", "2026-11")
    onward(window)


@pytest.mark.parametrize("scripts", [True, False])
def test_the_sms_link_leads_over_the_form_to_a_card_with_and_without_scripts(
    served: Practice, windows: Windows, *, scripts: bool
) -> None:
    token = served.link("rezept")
    patient = phone(windows, scripts=scripts)
    patient.go(f"/f/{token}")
    assert patient.path == "/form/page/1"
    assert patient.find("h1").text == "Welche Medikamente brauchen Sie?"
    assert patient.find(".about b").text == "Folgerezept"
    fill_prescription(patient)
    assert patient.path == "/form/review"
    onward(patient)
    assert patient.find("h1").text == "Ihre Anfrage ist angekommen"
    assert patient.find("main b").text == "Wir antworten Ihnen heute bis 18:00 Uhr."
    (card,) = served.store.read_now(lambda tx: inbox.queue(tx, now=served.clock()))
    assert (card.kind, card.concern, card.number, card.name) == ("form", "rezept", PATIENT, "Thomas Lehmann")
    assert "Name und Stärke der Medikamente: Ramipril 5 mg" in card.text
    patient.go(f"/f/{token}")
    assert patient.find("h1").text == "Dieser Link gilt nicht mehr"


def test_every_page_fits_a_phone_and_breaks_no_policy(served: Practice, windows: Windows) -> None:
    patient = phone(windows)
    for concern in ("rezept", "ueberweisung", "termin", "befund", "au", "frage", "sonstiges"):
        patient.go(f"/f/{served.link(concern)}")
        assert patient.script("return document.documentElement.scrollWidth") == 390, concern
    patient.go("/form/choose")
    assert patient.script("return document.documentElement.scrollWidth") == 390
    assert patient.complaints() == []


def test_what_was_typed_is_there_again_after_the_phone_slept(served: Practice, windows: Windows) -> None:
    token = served.link("rezept")
    patient = phone(windows)
    patient.go(f"/f/{token}")
    patient.type("[name=medikamente]", "Ramipril 5 mg")
    onward(patient)
    patient.driver.delete_all_cookies()
    patient.go(f"/f/{token}")
    assert patient.path == "/form/page/2"
    patient.click(".actions .quiet")
    assert patient.find("[name=medikamente]").get_attribute("value") == "Ramipril 5 mg"


def test_a_red_flag_stops_the_form_and_shows_an_urgent_card_to_the_team_at_once(
    served: Practice, windows: Windows
) -> None:
    anna = windows()
    anna.enter(served.session("anna"))
    patient = phone(windows)
    patient.go(f"/f/{served.link('frage')}")
    tick(patient, "warnzeichen", "luft")
    onward(patient)
    assert patient.find("h1").text == "Rufen Sie jetzt den Notruf 112"
    assert patient.find(".button.danger").get_attribute("href") == "tel:112"
    anna.wait(lambda: anna.texts(".group") == ["DRINGEND · 1"])
    anna.click(".row")
    anna.wait(lambda: anna.texts(".sms") == ["Haben Sie eines dieser Zeichen?: Atemnot"])
    patient.click("main > p a")
    assert not patient.find("[name=warnzeichen][value=luft]").is_selected()


def test_faults_stand_at_their_fields_and_keep_what_was_typed(served: Practice, windows: Windows) -> None:
    patient = phone(windows)
    patient.go(f"/f/{served.link('rezept')}")
    patient.click(".actions .primary")
    patient.wait(lambda: patient.texts(".fault") == ["Bitte füllen Sie dieses Feld aus."])
    assert patient.find("[name=medikamente]").get_attribute("aria-invalid") == "true"


def test_an_answer_that_leads_to_a_further_question_shows_it_before_going_on(
    served: Practice, windows: Windows
) -> None:
    patient = phone(windows)
    patient.go(f"/f/{served.link('termin')}")
    tick(patient, "art", "neu")
    patient.click(".actions .primary")
    tick(patient, "warnzeichen", "keines")
    assert patient.path == "/form/page/1"
    patient.type("[name=beschwerden]", "Husten seit Montag")
    onward(patient)
    assert patient.path == "/form/page/2"


REASONS = ("termin", "rezept", "ueberweisung", "befund", "frage", "au")


FILL = """
const empty = (selector) => [...document.querySelectorAll(selector)].filter((field) => !field.value);
const ticks = [...document.querySelectorAll("[type=radio], [type=checkbox]")];
for (const name of new Set(ticks.map((field) => field.name))) {
  const none = document.querySelector(`[name="${name}"][value=keines]`);
  (none || document.querySelector(`[name="${name}"]`)).checked = true;
}
empty("input.input:not([type=file]):not([name*='.']):not([type=tel]), textarea.input")
  .forEach((field) => { field.value = "Ramipril 5 mg"; });
const born = {day: 2, month: 3, year: 1961};
empty(".date input").forEach((field) => { field.value = born[field.name.split(".")[1]]; });
"""  # the hand of a healthy person who reads little; the page itself may run no script


def test_all_six_reasons_are_sent_without_scripts(served: Practice, windows: Windows) -> None:
    patient = phone(windows, scripts=False)
    for concern in REASONS:
        patient.go(f"/f/{served.link(concern, number=f'+4917112345{REASONS.index(concern):02d}')}")
        for _ in range(20):
            if patient.path in {"/form/review", "/form/done"}:
                break
            patient.script(FILL)
            send(patient)
        assert patient.path == "/form/review", concern
        onward(patient)
        assert patient.path == "/form/done", concern
    cards = served.store.read_now(lambda tx: inbox.queue(tx, now=served.clock()))
    assert sorted((card.kind, card.concern) for card in cards) == sorted(("form", each) for each in REASONS)


LOADED = """
const [page] = performance.getEntriesByType("navigation");
const isIcon = (each) => each.name.endsWith("/mark.svg");  // it comes when the browser likes
const parts = performance.getEntriesByType("resource").filter((each) => !isIcon(each));
const size = [page, ...parts].reduce((sum, each) => sum + each.transferSize, 0);
return [page.redirectCount + 1 + parts.length, size,
  parts.map((each) => new URL(each.name).pathname).sort()];
"""


def test_on_a_slow_line_the_first_page_is_a_few_small_requests(served: Practice, windows: Windows) -> None:
    patient = phone(windows)
    slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    patient.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    patient.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    try:
        patient.go(f"/f/{served.link('termin')}")
        requests, size, files = cast("tuple[int, int, list[str]]", patient.script(LOADED))
    finally:
        fast = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        patient.driver.execute_cdp_cmd("Network.emulateNetworkConditions", fast)
        patient.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})
    # The token's address, the form's, the first page, its two styles; the icon may come later.
    assert files == ["/static/base.css", "/static/form.css"]
    assert (requests, size < 59_000) == (5, True)


def test_photos_too_large_together_are_refused_by_a_page_that_says_so(
    served: Practice, windows: Windows, tmp_path: Path
) -> None:
    huge = tmp_path / "Packung.jpg"
    with huge.open("wb") as file:
        file.truncate(FILES_BYTES + 1)
    patient = phone(windows)
    patient.go(f"/f/{served.link('rezept')}")
    patient.type("[name=medikamente]", "Ramipril 5 mg")
    patient.find("[name=fotos]").send_keys(str(huge))
    send(patient)
    assert patient.texts("h1") == ["Die Dateien sind zusammen zu groß"]
    patient.driver.back()
    patient.wait(lambda: patient.find("[name=medikamente]").get_attribute("value") == "Ramipril 5 mg")
