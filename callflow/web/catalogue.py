"""Texts of the pages, one TOML file per language; German is complete by definition, others are tested.

A text is found by its dotted name (`form.send`) and may hold `{placeholders}`. A name that no file knows is
a programming error and raises; a language that lacks a name falls back to German.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

FOLDER = Path(__file__).parent / "texts"
RIGHT_TO_LEFT = frozenset({"ar"})
PATIENT_LANGUAGES: Mapping[str, str] = {
    "de": "Deutsch",
    "en": "English",
    "fr": "Français",
    "it": "Italiano",
    "es": "Español",
    "tr": "Türkçe",
    "ar": "العربية",
    "uk": "Українська",
}
STAFF_LANGUAGES: Mapping[str, str] = {"de": "Deutsch", "en": "English"}


@dataclass(frozen=True, slots=True)
class Texts:
    """One language's texts.

    Args:
        language: two-letter code.
        entries: dotted name -> text.
    """

    language: str
    entries: Mapping[str, str]

    @property
    def direction(self) -> str:
        """Return the writing direction as HTML's `dir` wants it."""
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"

    def __call__(self, name: str, /, **values: object) -> str:
        """Return the text of that name with its placeholders filled.

        Raises:
            KeyError: no catalogue knows the name.
        """
        return self.entries[name].format(**values)

    def has(self, name: str) -> bool:
        """Say whether a text of that name exists."""
        return name in self.entries


def read(area: str, language: str) -> dict[str, str]:
    """Return the texts of `texts/<area>.<language>.toml` by dotted name."""
    with (FOLDER / f"{area}.{language}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file)))


def load(area: str, languages: Iterable[str]) -> dict[str, Texts]:
    """Return each language's texts of an area ("form", "staff"), gaps filled from German."""
    german = read(area, "de")
    return {language: Texts(language, german | read(area, language)) for language in languages}


def preferred(header: str, offered: Iterable[str], default: str) -> str:
    """Return the offered language that an Accept-Language header likes best, else `default`.

    Source: RFC 9110 section 12.5.4; only primary subtags are compared.
    """
    known = set(offered)
    wishes = [_wish(part, place) for place, part in enumerate(header[:400].split(","))]
    liked = sorted((weight, place, tag) for weight, place, tag in wishes if tag in known and weight < 0)
    return liked[0][2] if liked else default


def _wish(part: str, place: int) -> tuple[float, int, str]:
    tag, _, weight = part.strip().partition(";q=")
    try:
        liking = float(weight or 1)
    except ValueError:
        liking = 0.0
    return -liking, place, tag.partition("-")[0].lower()


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, str):
            yield prefix + key, value
        else:
            yield from _flat(cast("Mapping[str, object]", value), f"{prefix}{key}.")
