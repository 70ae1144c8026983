"""The inbox as two MFAs see it, in two real browser windows."""

from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from callflow import inbox
from tests.support.browser import Window
from tests.support.practice import PASSWORD, Practice
from tests.web.conftest import Windows

REASONS = ".row .what"
# Of a refresh that is asked for already, too, nothing is shown; what she does herself is.
DEAF = """
document.addEventListener('htmx:before:swap', (event) => {
  if (event.detail.ctx.sourceElement.id === 'main') event.preventDefault();
});
"""


def reasons(window: Window) -> list[str]:
    return [text.split("\n")[0] for text in window.texts(REASONS)]


def press(window: Window, *keys: str) -> None:
    ActionChains(window.driver).send_keys(*keys).perform()


def test_a_new_card_appears_in_both_windows_in_its_place_without_reloading(
    served: Practice, windows: Windows
) -> None:
    served.card("rezept", ago=20)
    anna, birgit = windows(), windows()
    anna.enter(served.session("anna"))
    birgit.enter(served.session("birgit"))
    for window in (anna, birgit):
        window.script("window.unreloaded = true")
        assert reasons(window) == ["Folgerezept"]

    served.card("dringend", "+493512345678", ago=1, urgency="urgent", due=15)

    for window in (anna, birgit):
        window.wait(lambda w=window: len(w.all(".row")) == 2)
        assert reasons(window) == ["Dringend heute", "Folgerezept"]
        assert window.script("return window.unreloaded") is True
        assert window.driver.title.startswith("(2)")
    assert anna.complaints() + birgit.complaints() == []


def test_two_people_cannot_hold_one_card_and_the_second_is_told_who_has_it(
    served: Practice, windows: Windows
) -> None:
    card = served.card("rezept", name="Thomas Lehmann")
    anna, birgit = windows(), windows()
    anna.enter(served.session("anna"))
    birgit.enter(served.session("birgit"))
    for window in (anna, birgit):
        window.click(f"#row-{card.id}")
        window.find("[data-key=u]")
    # Birgit's window hears nothing for a moment, as on a bad line: her page still offers the claim.
    birgit.script(DEAF)

    anna.click("[data-key=u]")
    assert anna.find("[data-key=a]").text.split("\n") == ["Anrufen 01511 2345678", "A"]
    birgit.click("[data-key=u]")

    birgit.wait(lambda: birgit.texts("#flash .notice") == ["Anna Becker bearbeitet diesen Eintrag bereits."])
    assert birgit.texts(".work .tag") == ["bei Anna Becker"]
    assert birgit.all("[data-key=a]") == []
    assert anna.find("[data-key=a]").get_attribute("href") == "tel:+4915112345678"


def test_a_claim_and_its_end_show_in_the_other_window_by_themselves(
    served: Practice, windows: Windows
) -> None:
    card = served.card("rezept")
    anna, birgit = windows(), windows()
    anna.enter(served.session("anna"))
    birgit.enter(served.session("birgit"))
    birgit.click(f"#row-{card.id}")
    birgit.find("[data-key=u]")
    birgit.type("#note", "halb getippt")

    anna.click(f"#row-{card.id}")
    anna.click("[data-key=u]")
    birgit.wait(lambda: birgit.texts(".work .tag") == ["bei Anna Becker"])
    assert birgit.find("#note").get_attribute("value") == "halb getippt"

    anna.click("[data-key=n]")
    anna.wait(lambda: anna.texts("#flash .notice") == ["Vermerkt. Der Eintrag kommt um 10:30 wieder."])
    birgit.wait(lambda: birgit.all(".row") == [])
    assert birgit.texts("#tab-later") == ["Später 1"]


def test_the_whole_work_on_a_card_goes_by_keyboard(served: Practice, windows: Windows) -> None:
    served.card("rezept", ago=30)
    second = served.card("termin", "+4917111122233", ago=20)
    anna = windows()
    anna.enter(served.session("anna"))

    press(anna, "j", Keys.ARROW_DOWN, Keys.ENTER)
    anna.wait(lambda: anna.path == f"/inbox/{second.id}?view=open")
    anna.find("[data-key=u]")
    press(anna, "u")
    anna.find("[data-key=e]")
    press(anna, "z")
    press(anna, "ruft zurueck")
    anna.click(".noting button")
    anna.wait(lambda: anna.texts(".story .note") == ["ruft zurueck"])
    press(anna, "e")
    press(anna, "Termin")
    anna.click("[id^=close-] button")
    anna.wait(lambda: anna.texts("#flash .notice") == ["Abgeschlossen."])
    assert reasons(anna) == ["Folgerezept"]
    press(anna, "?")
    anna.wait(lambda: anna.script("return document.getElementById('keys').open"))


def test_on_a_phone_the_list_and_the_card_take_turns(served: Practice, windows: Windows) -> None:
    card = served.card("rezept")
    phone = windows(width=390, height=844, mobile=True)
    phone.sign_in("anna", PASSWORD)
    assert phone.script("return document.documentElement.scrollWidth") == 390
    phone.click(f"#row-{card.id}")
    phone.wait(lambda: phone.find(".sheet .back").is_displayed())
    assert not phone.find(".row").is_displayed()
    assert phone.script("return document.documentElement.scrollWidth") == 390
    phone.click(".sheet .back")
    phone.wait(lambda: phone.find(".row").is_displayed())


def test_the_next_free_card_is_one_key_away(served: Practice, windows: Windows) -> None:
    first = served.card("rezept", ago=30)
    second = served.card("termin", "+4917111122233", ago=20)
    anna, birgit = windows(), windows()
    anna.enter(served.session("anna"))
    birgit.enter(served.session("birgit"))
    press(anna, "w")
    anna.wait(lambda: anna.path == f"/inbox/{first.id}?view=open")
    anna.find("[data-key=n]")
    press(birgit, "w")
    birgit.wait(lambda: birgit.path == f"/inbox/{second.id}?view=open")
    press(birgit, "w")
    birgit.wait(lambda: birgit.path == "/inbox?view=open")


def test_a_new_urgent_card_is_heard_once_and_said_to_screen_readers(
    served: Practice, windows: Windows
) -> None:
    served.card("rezept", ago=20)
    anna = windows()
    anna.enter(served.session("anna"))
    press(anna, "j")  # browsers give sound only to pages that somebody has touched
    anna.script(
        "window.rung = 0; const make = AudioContext.prototype.createOscillator;"
        "AudioContext.prototype.createOscillator = function () { rung += 1; return make.call(this); };"
    )
    served.card("termin", "+4917111122233", ago=5)
    anna.wait(lambda: len(anna.all(".row")) == 2)
    assert anna.script("return document.getElementById('bell').textContent") == ""
    served.card("dringend", "+493512345678", ago=1, urgency="urgent", due=15)
    anna.wait(lambda: anna.script("return document.getElementById('bell').textContent"))
    assert anna.script("return document.getElementById('bell').textContent") == "Neuer dringender Eintrag"
    anna.wait(lambda: anna.script("return rung") == 2)


def test_a_card_is_found_by_digits_name_or_reason_and_stays_found_while_the_list_lives(
    served: Practice, windows: Windows
) -> None:
    brandt = served.card("befund", "+493512345678", ago=30, name="Helga Brandt")
    served.card("rezept", ago=20, name="Thomas Lehmann")
    anna = windows()
    anna.enter(served.session("anna"))
    for words in ("0351 2345", "brandt", "Helga befund"):
        press(anna, "/")
        anna.type("#q", words + Keys.ENTER)
        anna.wait(lambda w=words: anna.texts("#found")[:1] and w in anna.texts("#found")[0])
        assert [row.get_attribute("id") for row in anna.all(".row")] == [f"row-{brandt.id}"]
    served.card("termin", "+4917111122233", ago=1)
    anna.wait(lambda: anna.texts("#tab-open") == ["Offen 3"])
    assert [row.get_attribute("id") for row in anna.all(".row")] == [f"row-{brandt.id}"]
    anna.type("#q", "niemand" + Keys.ENTER)
    anna.wait(lambda: anna.texts(".cards.empty b") == ["Nichts gefunden"])


def test_a_colleagues_card_can_be_taken_over_and_the_history_says_so(
    served: Practice, windows: Windows
) -> None:
    card = served.card("rezept")
    served.store.write_now(lambda tx: inbox.claim(tx, card.id, served.users["birgit"], now=served.clock()))
    anna = windows()
    anna.enter(served.session("anna"))
    anna.click(f"#row-{card.id}")
    anna.click("form[action$='/take-over'] button")
    anna.find("[data-key=n]")
    assert "Anna Becker hat den Eintrag an sich genommen" in " ".join(anna.texts(".story li"))


def test_on_paper_stands_the_card_alone(served: Practice, windows: Windows) -> None:
    card = served.card("rezept")
    anna = windows()
    anna.enter(served.session("anna"))
    anna.click(f"#row-{card.id}")
    anna.find("[data-key=u]")
    anna.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = {
        name: anna.find(name).is_displayed() for name in (".sheet h1", ".story", ".queue", ".bar", ".work")
    }
    anna.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert shown == {".sheet h1": True, ".story": True, ".queue": False, ".bar": False, ".work": False}
