"""Forms as practices write them: read with clear faults, branched, judged, translated."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.language import FlowErrors
from callflow.web.catalogue import PATIENT_LANGUAGES
from callflow.web.forms.answers import Fault, clean, judge
from callflow.web.forms.form import Form, chosen, pages, stop
from callflow.web.forms.question import Question
from callflow.web.forms.reading import as_given, pack, readable, unpack
from callflow.web.forms.source import load_forms
from tests.support.practice import CONCERNS, CONFIG

TODAY = date(2026, 3, 2)
FORMS = load_forms(CONFIG / "forms")
ASKED = {name: question for form in FORMS.forms.values() for name, question in form.questions()}


@pytest.mark.parametrize("language", [code for code in PATIENT_LANGUAGES if code != "de"])
def test_the_example_forms_and_reasons_are_translated_in_full(language: str) -> None:
    assert FORMS.untranslated(language) == []
    labels = [concern.label["de"] for concern in CONCERNS.values()]
    assert [text for text in labels if FORMS.text(text, language) == text and language != "en"] == []


def test_every_reason_has_its_form_and_the_rest_share_one() -> None:
    assert sorted(FORMS.forms) == ["au", "befund", "frage", "rezept", "sonstiges", "termin", "ueberweisung"]
    assert FORMS.form("") is FORMS.forms["sonstiges"]


def test_every_form_ends_with_person_and_consent() -> None:
    for form in FORMS.forms.values():
        assert list(form.steps)[-2:] == ["person", "kontakt"]
        assert dict(form.questions())["einwilligung"].version == "2026-11"


def write(folder: Path, text: str) -> Path:
    for name in ("person", "sonstiges"):
        (folder / f"{name}.yaml").write_text(
            "title: T\nsteps:\n  s:\n    title: S\n    questions:\n      "
            f"{name}1: {{kind: text, ask: Was}}\n",
            encoding="utf-8",
        )
    path = folder / "neu.yaml"
    path.write_text(text, encoding="utf-8")
    return path


HEAD = "title: Neu\nsteps:\n  eins:\n    title: Eins\n    questions:\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD + "      a: {kind: text}\n", 6, "`ask` is missing"),
        (HEAD + "      a: {kind: text, ask: A, frob: 1}\n", 6, "frob"),
        (HEAD + "      a: {kind: one, ask: A}\n", 6, "these need them"),
        (HEAD + "      a: {kind: text, ask: A, when: {b: [x]}}\n", 6, "not asked before"),
        (HEAD + "      a: {kind: consent, ask: A}\n", 6, "needs the version"),
        (HEAD + "      a: {kind: files, ask: A, max: 9}\n", 6, "at most 5 files"),
        (
            HEAD + "      a: {kind: many, ask: A, choices: {x: X}, stops: {y: call}}\n",
            6,
            "names no choice: y",
        ),
        ("title: Neu\n", 1, "either steps or the url"),
        ("title: Neu\nurl: http://unsicher.example\n", 2, "https://"),
        ("title: [\n", 2, "expected"),
        ("- x\n", 1, "`name: value` are expected"),
    ],
)
def test_a_fault_in_a_form_names_file_line_and_cause(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FlowErrors) as fault:
        load_forms(tmp_path)
    first = str(fault.value).splitlines()[0]
    assert first.startswith(f"{path}:{line}:"), first
    assert said in first


def test_an_external_form_needs_no_pages(tmp_path: Path) -> None:
    write(tmp_path, "title: Termin\nurl: https://termine.example/praxis?x=1\n")
    assert load_forms(tmp_path).forms["neu"].url == "https://termine.example/praxis?x=1"


def test_a_missing_person_form_is_told(tmp_path: Path) -> None:
    with pytest.raises(FlowErrors) as fault:
        load_forms(tmp_path)
    told = [(Path(problem.file).name, problem.code) for problem in fault.value.problems]
    assert told == [("person.yaml", "file-unreadable"), ("sonstiges.yaml", "file-unreadable")]


def test_all_faults_of_all_forms_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "      a: {kind: text}\n      a: {kind: text, ask: A, max: 0171}\n")
    (tmp_path / "translations").mkdir()
    (tmp_path / "translations/en.yaml").write_text('"Neu": 3\n', encoding="utf-8")
    with pytest.raises(FlowErrors) as fault:
        load_forms(tmp_path)
    told = [(Path(problem.file).name, problem.line, problem.code) for problem in fault.value.problems]
    assert told == [("neu.yaml", 7, "key-twice"), ("neu.yaml", 7, "unquoted"), ("en.yaml", 1, "value-wrong")]
    assert path.name == "neu.yaml"


def test_a_branch_is_asked_only_on_its_answer() -> None:
    form = FORMS.forms["termin"]
    assert "beschwerden" not in pages(form, {})[0].questions
    assert list(pages(form, {"art": "neu"})[0].questions) == ["art", "warnzeichen", "beschwerden"]
    assert list(pages(form, {"art": "absage"})[0].questions) == ["art", "alter_termin"]


def test_an_emergency_goes_before_a_call_and_a_no_stops_nothing() -> None:
    questions = dict(FORMS.forms["frage"].questions())
    assert stop(questions, {"warnzeichen": ["schlechter", "luft"]}) == "emergency"
    assert stop(questions, {"warnzeichen": ["schlechter"]}) == "call"
    assert stop(questions, {"warnzeichen": ["keines"]}) is None


def test_every_red_flag_of_the_examples_stops_and_only_no_does_not() -> None:
    for form in FORMS.forms.values():
        for question in (each for _, each in form.questions() if each.stops):
            assert set(question.choices) - set(question.stops) == {"keines"}


DATE = {"d": Question(kind="date", ask="-")}


@pytest.mark.parametrize(
    ("day", "month", "year", "kept", "fault"),
    [
        ("14", "3", "1961", "1961-03-14", None),
        ("1", "03", "2026", "2026-03-01", None),
        ("3", "3", "2026", "2026-03-03", "fault.future"),
        ("31", "2", "2000", "", "fault.date"),
        ("1", "1", "61", "", "fault.date"),
        ("x", "1", "1961", "", "fault.date"),
        ("", "1", "1961", "", "fault.date"),
        ("", "", "", "", "fault.date"),
        ("١٤", "٣", "١٩٦١", "1961-03-14", None),
    ],
)
def test_a_date_is_three_numbers_that_a_calendar_knows(
    day: str, month: str, year: str, kept: str, fault: str | None
) -> None:
    judged = judge(DATE, {"d.day": [day], "d.month": [month], "d.year": [year]}, TODAY)
    assert judged.answers == {"d": kept}
    assert judged.faults == ({"d": Fault(fault)} if fault else {})


@pytest.mark.parametrize(
    ("typed", "kept", "faulty"),
    [
        ("0351 123456", "+49351123456", False),
        ("+43 1 7654321", "+4317654321", False),
        ("112", "112", True),
        ("116117", "116117", True),
        ("0900 1234567", "0900 1234567", True),
        ("Mama", "Mama", True),
        ("", "", False),
    ],
)
def test_a_number_to_call_back_is_one_that_may_be_called(typed: str, kept: str, *, faulty: bool) -> None:
    asked = {"t": Question(kind="phone", ask="-", optional=True)}
    judged = judge(asked, {"t": [typed]}, TODAY)
    assert (judged.answers, bool(judged.faults)) == ({"t": kept}, faulty)


def test_only_choices_that_were_offered_and_the_consent_that_was_shown_count() -> None:
    asked = {
        "one": Question(kind="one", ask="-", choices={"a": "A"}),
        "many": Question(kind="many", ask="-", choices={"a": "A", "b": "B"}),
        "yes": Question(kind="consent", ask="-", version="2"),
    }
    judged = judge(asked, {"one": ["x"], "many": ["b", "z", "a"], "yes": ["1"]}, TODAY)
    assert judged.answers == {"one": "", "many": ["a", "b"], "yes": ""}
    assert set(judged.faults) == {"one", "yes"}


@given(st.text())
def test_kept_text_has_no_control_and_no_direction_characters(text: str) -> None:
    kept = clean(text)
    assert not any(ord(each) < 32 and each != "\n" for each in kept)
    assert not set(kept) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(
    st.dictionaries(
        st.sampled_from([*ASKED, "geburt.day", "fremd"]), st.lists(st.text(max_size=50), max_size=4)
    )
)
def test_whatever_is_posted_is_judged_without_breaking_and_kept_answers_are_judged_alike(
    posted: dict[str, list[str]],
) -> None:
    judged = judge(ASKED, posted, TODAY)
    assert set(judged.answers) <= set(ASKED)
    sound = {name: kept for name, kept in judged.answers.items() if name not in judged.faults}
    again = judge({name: ASKED[name] for name in sound}, as_given(ASKED, sound), TODAY)
    assert again.answers == sound


def test_answers_survive_being_kept_and_read_as_people_write() -> None:
    form = FORMS.forms["termin"]
    answers = {"art": "kontrolle", "tage": ["mo", "fr"], "geburt": "1961-03-14", "telefon": "+49351123456"}
    kept = pack(answers)
    assert unpack(form, kept) == answers
    assert list(readable(FORMS, form, kept, "en")) == [
        ("Kind of appointment", "Check-up or follow-up"),
        ("On which days can you come?", "Monday, Friday"),
        ("Patient's date of birth", "14.03.1961"),
        ("Another number to call back", "0351 123456"),
    ]


def test_a_form_that_asks_a_question_twice_is_refused() -> None:
    step = {"title": "S", "questions": {"a": {"kind": "text", "ask": "A"}}}
    with pytest.raises(ValueError, match="asked twice"):
        Form.model_validate({"title": "T", "steps": {"one": step, "two": step}})


def test_a_single_choice_reads_as_a_list_of_one() -> None:
    assert [chosen("a"), chosen(""), chosen(["a", "b"])] == [["a"], [], ["a", "b"]]
