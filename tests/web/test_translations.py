"""Translations say what the German says: complete, in their own script, with every number that matters."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from callflow.web.catalogue import PATIENT_LANGUAGES, STAFF_LANGUAGES, read
from callflow.web.forms.source import load_forms
from tests.support.practice import CONFIG

FOREIGN = [language for language in PATIENT_LANGUAGES if language != "de"]
SCRIPTS = {"ar": "ARABIC", "uk": "CYRILLIC"}
NUMBERS = re.compile(r"\b(?:112|116117|1987|PDF)\b")
ALIKE = {"it": {"form.none"}, "en": set()}
"""Texts that rightly read as in German."""


def catalogues(language: str) -> dict[str, tuple[str, str]]:
    """Return every text by name: German and translated, of the pages and of the shipped forms."""
    german, other = read("form", "de"), read("form", language)
    texts = {name: (german[name], other[name]) for name in german}
    forms = load_forms(CONFIG / "forms")
    asked = {text for form in forms.forms.values() for text in form.texts()}
    return texts | {text: (text, forms.text(text, language)) for text in sorted(asked)}


def letters(text: str) -> list[str]:
    plain = re.sub(r"\{[a-z]+\}|[A-Z][A-Za-z0-9-]*|cookie", "", text)
    return [unicodedata.name(each, "") for each in plain if each.isalpha()]


@pytest.mark.parametrize("language", FOREIGN)
def test_no_text_is_left_in_german(language: str) -> None:
    same = {name for name, (german, other) in catalogues(language).items() if german == other}
    assert {name for name in same if len(letters(name)) > 0} - ALIKE.get(language, set()) - SHARED == set()


SHARED = frozenset({"Name", "Test"})


@pytest.mark.parametrize(("language", "script"), SCRIPTS.items())
def test_a_translation_is_written_in_its_own_script(language: str, script: str) -> None:
    foreign = {
        name: other
        for name, (_, other) in catalogues(language).items()
        if any(not letter.startswith(script) for letter in letters(other) if "MODIFIER" not in letter)
    }
    assert foreign == {}


@pytest.mark.parametrize("language", FOREIGN)
def test_emergency_numbers_and_the_like_stand_in_every_language(language: str) -> None:
    texts = catalogues(language)
    assert {name: set(NUMBERS.findall(other)) for name, (_, other) in texts.items()} == {
        name: set(NUMBERS.findall(german)) for name, (german, _) in texts.items()
    }


@pytest.mark.parametrize("language", FOREIGN)
def test_a_question_stays_a_question(language: str) -> None:
    marks = ("?", "؟", ";")
    lost = [
        name
        for name, (german, other) in catalogues(language).items()
        if german.endswith("?") and not other.rstrip().endswith(marks)
    ]
    assert lost == []


def test_every_text_of_a_page_is_asked_for_by_name_or_with_its_group() -> None:
    """A text that no page asks for is a leftover, or a page that forgot it."""
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in (CONFIG.parent / "callflow" / "web").rglob("*")
        if path.suffix in {".py", ".html"}
    )
    # A group is asked for when a name is put together: t('card.' ~ kind), texts(f"event.{kind}").
    grouped = set(re.findall(r"[\"']([a-z_]+(?:\.[a-z_]+)*\.)(?:[a-z_]+)?(?:\{|['\"] ~)", sources)) | ABOUT
    named = [name for area in ("form", "staff") for name in read(area, "de") if name not in sources]
    assert [name for name in named if f"{name.rpartition('.')[0]}." not in grouped] == []


ABOUT = {"gone.", "stale.", "broken.", "busy.", "large."}
"""Groups of the page of notices, which is told its group."""


def test_the_team_reads_two_languages() -> None:
    assert set(STAFF_LANGUAGES) == {"de", "en"}
    assert Path(CONFIG, "forms", "translations").is_dir()
