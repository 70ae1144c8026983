"""The thread between practice and patient, in real windows on both ends."""

from __future__ import annotations

import re

from callflow.links import thread
from callflow.links.thread import Answer
from callflow.store import Card, Tx
from tests.support.browser import Window
from tests.support.practice import Practice
from tests.web.conftest import Windows
from tests.web.test_browser_form import born, onward, phone, send, type_birth
from tests.web.test_thread import submit

ANSWER = "Ihr Rezept liegt bereit."


def answered(practice: Practice, text: str) -> str:
    """Have an answer written to a patient and return the path of its link."""
    card = submit(practice)

    def work(tx: Tx) -> str:
        said = Answer(practice.users["anna"], text)
        return thread.answer(tx, tx.get_one(Card, card.id), said, now=practice.clock())[0]

    return f"/f/{practice.store.write_now(work)}"


def sms_path(practice: Practice) -> str:
    (sms,) = [intent for intent in practice.intents() if intent.purpose == "reply"]
    (path,) = re.findall(r"/f/\S+", sms.body)
    return str(path)


def reply(window: Window, text: str) -> None:
    window.type("[name=text]", text)
    onward(window)


def test_an_answer_goes_to_the_patient_and_the_reply_comes_back_while_the_mfa_looks_on(
    served: Practice, windows: Windows
) -> None:
    card = submit(served)
    anna, patient = windows(), phone(windows, scripts=False)
    anna.enter(served.session("anna"))
    anna.click(f"#row-{card.id}")
    anna.type("#answer", ANSWER)
    anna.click("[id^=answering-] button")
    anna.wait(lambda: anna.texts(".talk p") == [ANSWER])
    assert anna.texts("#flash .notice") == ["Antwort hinterlegt, die SMS ist unterwegs."]

    patient.go(sms_path(served))
    assert patient.find("h1").text == "Es gibt eine Antwort für Sie"
    assert ANSWER not in patient.driver.page_source
    served.clock.forward(minutes=5)
    born(patient)
    assert [bubble.text for bubble in patient.all(".bubble p")] == [ANSWER]
    reply(patient, "Danke, ich komme morgen.")
    assert patient.find(".notice.good").text.startswith("Ihre Nachricht ist angekommen.")

    anna.wait(lambda: anna.texts(".talk p") == [ANSWER, "Danke, ich komme morgen."])
    assert "gelesen" in anna.texts(".talk .ours small")[0]


def test_in_arabic_the_thread_reads_from_right_to_left_and_fits_a_phone(
    served: Practice, windows: Windows
) -> None:
    patient = phone(windows, language="ar")
    patient.go(answered(served, ANSWER))
    assert patient.find("html").get_attribute("dir") == "rtl"
    assert patient.script("return document.documentElement.scrollWidth") == 390
    born(patient)
    reply(patient, "شكرا جزيلا")
    mine, ours = patient.find(".bubble.mine"), patient.find(".bubble:not(.mine)")
    assert mine.rect["x"] != ours.rect["x"]
    assert patient.find(".bubble:not(.mine) p").get_attribute("dir") == "auto"
    assert patient.script("return document.documentElement.scrollWidth") == 390
    assert patient.complaints() == []


def test_a_wrong_date_of_birth_shows_nothing_and_the_fifth_ends_the_link(
    served: Practice, windows: Windows
) -> None:
    patient = phone(windows)
    patient.go(answered(served, ANSWER))
    for year in ("1962", "1963", "1964", "1965"):
        type_birth(patient)
        patient.type("[name='geburt.year']", year)
        send(patient)
        assert patient.texts(".fault") == ["Dieses Geburtsdatum passt nicht zur Anfrage."]
        assert ANSWER not in patient.driver.page_source
    type_birth(patient)
    patient.type("[name='geburt.year']", "1966")
    send(patient)
    assert patient.find("h1").text == "Dieser Link gilt nicht mehr"
