"""French, Italian and Spanish: the same few rules with each language's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from callflow.moments import MONTHS
from callflow.prompts.normalise.tables import Speech, short_forms
from callflow.prompts.normalise.words import cardinal, ordinal


@dataclass(frozen=True, slots=True)
class Words:
    """What differs between the three languages.

    Args:
        to: the word between the ends of a range.
        clock: (hour, minute) patterns; "{h}" and "{m}" are filled with words.
        full_hour: pattern of a full hour.
        one_hour: how one o'clock is read.
        first_of_month: how the first day is read, "" for the cardinal.
        short: short forms.
        and_word: "&" as a word.
        per_cent: "%" as words.
        decimal_word: the decimal mark as a word.
        euros: more than one euro.
        of: what stands between day, month and year.
    """

    to: str
    clock: str
    full_hour: str
    one_hour: str
    first_of_month: str
    short: Mapping[str, str]
    and_word: str
    per_cent: str
    decimal_word: str
    euros: str = "euros"
    of: str = ""


_CLOCK = re.compile(r"(?<![\d.,:])([01]?\d|2[0-4])(?::|\s?h\s?)([0-5]\d)?(?![\d:\w])")
_ISO_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?!\d)")
_DATE = re.compile(r"(?<![\d/.])(0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?!\d)")
_MONEY = re.compile(r"(?<![\d.,])(\d{1,6})(?:[,.](\d\d))?\s?(?:€|euros?\b)")
_RANGE = re.compile(r"(?<=\d)\s?[-–—]\s?(?=\d)")


def date(day: int, month: int, language: str) -> str:
    """Return day and month as words."""
    words = WORDS[language]
    number = words.first_of_month if day == 1 else cardinal(day, language)
    return f"{number}{words.of} {MONTHS[language][month - 1]}"


def year(number: int, language: str) -> str:
    """Return a year as it is read after a month."""
    return f"{WORDS[language].of} {cardinal(number, language)}".strip()


def _dates(text: str, language: str) -> str:
    def spoken(found: re.Match[str], order: tuple[int, int, int]) -> str:
        day, month, of_year = (int(found[group]) for group in order)
        return f"{date(day, month, language)} {year(of_year, language)}"

    text = _ISO_DATE.sub(lambda found: spoken(found, (3, 2, 1)), text)
    return _DATE.sub(lambda found: spoken(found, (1, 2, 3)), text)


def _clocks(text: str, language: str) -> str:
    words = WORDS[language]

    def spoken(found: re.Match[str]) -> str:
        hour, minute = int(found[1]), int(found[2] or 0)
        pattern = words.clock if minute else words.full_hour
        told = words.one_hour if hour == 1 else pattern.format(h=cardinal(hour, language))
        return f"{told} {cardinal(minute, language)}" if minute else told

    return _CLOCK.sub(spoken, text)


def _money(text: str, language: str) -> str:
    def spoken(found: re.Match[str]) -> str:
        amount, cents = int(found[1]), int(found[2] or 0)
        told = "un euro" if amount == 1 else f"{cardinal(amount, language)} {WORDS[language].euros}"
        return f"{told} {cardinal(cents, language)}" if cents else told

    return _MONEY.sub(spoken, text)


def _ranges(text: str, language: str) -> str:
    return _RANGE.sub(f" {WORDS[language].to} ", text)


_ORDINALS: Mapping[str, re.Pattern[str]] = {
    "fr": re.compile(r"(?<!\d)(\d{1,3})(?:ère|ere|er|ème|eme|e)\b"),
    "it": re.compile(r"(?<!\d)(\d{1,3})[°ºª]"),
    "es": re.compile(r"(?<!\d)(\d{1,3})\.?[ºª]"),
}


def _ordinals(text: str, language: str) -> str:
    return _ORDINALS[language].sub(lambda found: ordinal(int(found[1]), language), text)


WORDS: Mapping[str, Words] = {
    "fr": Words(
        to="à",
        clock="{h} heures",
        full_hour="{h} heures",
        one_hour="une heure",
        first_of_month="premier",
        short={
            "Dr": "Docteur",
            "Dr.": "Docteur",
            "M.": "Monsieur",
            "Mme": "Madame",
            "n°": "numéro",
            "SMS": "S M S",
        },
        and_word="et",
        per_cent="pour cent",
        decimal_word="virgule",
    ),
    "it": Words(
        to="alle",
        clock="{h} e",
        full_hour="{h}",
        one_hour="una",
        first_of_month="primo",
        short={"Dott.": "Dottor", "Dr.": "Dottor", "Sig.": "Signor", "Sig.ra": "Signora", "n.": "numero"},
        and_word="e",
        per_cent="per cento",
        decimal_word="virgola",
        euros="euro",
    ),
    "es": Words(
        to="a",
        clock="{h} y",
        full_hour="{h}",
        one_hour="una",
        first_of_month="uno",
        short={"Dr.": "Doctor", "Dra.": "Doctora", "Sr.": "Señor", "Sra.": "Señora", "n.º": "número"},
        and_word="y",
        per_cent="por ciento",
        decimal_word="coma",
        of=" de",
    ),
}

_RULES = (_dates, _ranges, _clocks, _money)


def _speech(language: str) -> Speech:
    words = WORDS[language]
    shared = tuple(partial(rule, language=language) for rule in _RULES)
    return Speech(
        language=language,
        rules=(*shared, short_forms(words.short), partial(_ordinals, language=language)),
        decimal=",",
        decimal_word=words.decimal_word,
        symbols={
            "&": words.and_word,
            "%": words.per_cent,
            "€": words.euros,
            "–": ", ",
            "—": ", ",
            "/": " ",
            "_": " ",
            '"': "",
            "«": "",
            "»": "",
            "(": ", ",
            ")": ", ",
        },
    )


FRENCH, ITALIAN, SPANISH = (_speech(language) for language in ("fr", "it", "es"))
