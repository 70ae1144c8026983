"""Prompt files know Jinja, inline texts know placeholders, numbers come out as their own pieces."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.placeholders import asked_for, inline
from callflow.prompts.normalise import normalise
from callflow.prompts.normalise.words import LANGUAGES
from callflow.prompts.templates import Piece, PromptError, Templates, cut, fill

PROMPTS = Path(__file__).parents[2] / "ivr_prompts"
NUMBER = "+491712345678"
DAY = Piece("date", "der 03.05.1950")


def rendered(folder: Path, text: str, **values: str) -> tuple[Piece, ...]:
    (folder / "probe.j2").write_text(text, encoding="utf-8")
    return Templates(folder).pieces(
        "probe", {name.replace("__", "."): value for name, value in values.items()}
    )


def test_dotted_values_are_addressed_as_groups(tmp_path: Path) -> None:
    text = "Praxis {{ practice.name }}{% if queue.position == '1' %}, Sie sind dran{% endif %}."
    pieces = rendered(tmp_path, text, practice__name="Sommer", queue__position="1")
    assert pieces == (Piece("text", "Praxis Sommer, Sie sind dran."),)


@pytest.mark.parametrize("number", [NUMBER, "0171 2345678", "0351/45678-90", "48291375"])
def test_a_number_is_a_piece_of_its_own(tmp_path: Path, number: str) -> None:
    pieces = rendered(tmp_path, "Ihre Nummer ist {{ number }}. Stimmt das?", number=number)
    expected = (Piece("text", "Ihre Nummer ist"), Piece("digits", number), Piece("text", ". Stimmt das?"))
    assert pieces == expected
    assert fill("Ihre Nummer ist {{ number }}. Stimmt das?", {"number": number}) == expected


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (
            "Das ist der {{ d }}. Ja?",
            (Piece("text", "Das ist"), Piece("date", "der 03.05.1950"), Piece("text", ". Ja?")),
        ),
        ("Am {{ d }}", (Piece("date", "Am 03.05.1950"),)),
        ("{{ d }}", (Piece("date", "03.05.1950"),)),
    ],
)
def test_a_full_date_is_a_piece_of_its_own_with_the_word_before_it(
    text: str, pieces: tuple[Piece, ...]
) -> None:
    assert fill(text, {"d": "03.05.1950"}) == pieces


@pytest.mark.parametrize("value", ["3", "2026", "18:00", "24.12.", "Dr. Sommer"])
def test_other_values_stay_in_the_sentence(value: str) -> None:
    assert fill("Bis {{ hours.until }} also.", {"hours.until": value}) == (
        Piece("text", f"Bis {value} also."),
    )


@pytest.mark.parametrize(
    "text",
    [
        "{{ number.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ missing }}",
        "{% include 'other' %}",
        "{{ 1 / 0 }}",
        "{{ 'a' * 5000 }}",
        "{% for",
    ],
)
def test_a_faulty_or_hostile_template_is_refused_without_its_values(tmp_path: Path, text: str) -> None:
    with pytest.raises(PromptError) as error:
        rendered(tmp_path, text, number=NUMBER)
    assert NUMBER not in str(error.value)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a b", "", "A", "x" * 200])
def test_a_name_can_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(PromptError, match="is no prompt name"):
        Templates(tmp_path).pieces(name, {})


def test_an_inline_text_interprets_nothing_but_known_placeholders() -> None:
    for text in ("{{ a|upper }}", "{% if a %}x{% endif %}", "{# x #}", "a }}", "{{ a + 1 }}"):
        with pytest.raises(PromptError):
            fill(text, {"a": "1"})
    with pytest.raises(PromptError, match="no value for unknown"):
        fill("{{ unknown }}", {"a": "1"})


def test_a_value_that_looks_like_a_template_is_spoken_as_it_is() -> None:
    assert fill("Hallo {{ name }}", {"name": "{{ name }}"}) == (Piece("text", "Hallo {{ name }}"),)


@given(st.text(max_size=80), st.text(max_size=30))
def test_filling_is_total(text: str, value: str) -> None:
    try:
        pieces = fill(text, {"a": value})
    except PromptError:
        return
    assert all(piece.text.strip() for piece in pieces)


@given(st.text(max_size=200))
def test_no_mark_is_left_in_any_piece(text: str) -> None:
    assert [piece for piece in cut(text) if "\ue000" in piece.text or "\ue001" in piece.text] == []


def test_what_a_text_asks_for_is_read_without_rendering() -> None:
    template = "{{ practice.name }}{% for x in list %}{{ x }}{{ number | digits }}{% endfor %}"
    assert asked_for(template) == {"practice.name", "list", "number"}
    assert asked_for("{% for") == {"?"}
    assert asked_for("{{ 'a' * 10**10 }}{{ b.c }}{{ (d or e).f }}") == {"b.c", "d", "e"}
    assert inline("{{ practice.name }} {{number}} {% x %}") == {"practice.name", "number"}


@pytest.mark.parametrize(
    ("position", "minutes", "heard"),
    [
        ("", "", ""),
        ("2", "", "Sie sind an zweiter Stelle."),
        ("1", "1", "Sie sind an erster Stelle. Voraussichtliche Wartezeit: etwa eine Minute."),
        ("2", "4", "Sie sind an zweiter Stelle. Voraussichtliche Wartezeit: etwa vier Minuten."),
    ],
)
def test_who_waits_hears_the_place_and_the_expected_wait_as_far_as_they_are_known(
    position: str, minutes: str, heard: str
) -> None:
    values = {"queue.position": position, "queue.minutes": minutes}
    (piece,) = Templates(PROMPTS / "de").pieces("wait_position", values)
    assert normalise(piece.text, "de") == f"Bitte bleiben Sie dran. {heard}".strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_no_language_a_wait_is_said_that_nobody_measured(language: str) -> None:
    values = {"queue.position": "2", "queue.minutes": ""}
    (piece,) = Templates(PROMPTS / language).pieces("wait_position", values)
    assert [digit for digit in piece.text if digit.isdecimal()] == ["2"]
