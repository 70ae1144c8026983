"""French, Italian and Spanish: the same few rules with each language's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from callflow.prompts.normalise.tables import Rule, Speech, short_forms
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
        months: January to December.
        short: short forms.
        and_word: "&" as a word.
    """

    to: str
    clock: str
    full_hour: str
    one_hour: str
    first_of_month: str
    months: tuple[str, ...]
    short: Mapping[str, str]
    and_word: str
    per_cent: str


_CLOCK = re.compile(r"(?<![\d.,:])([01]?\d|2[0-4])(?::|\s?h\s?)([0-5]\d)?(?![\d:\w])")
_ISO_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?!\d)")
_DATE = re.compile(r"(?<![\d/.])(0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?!\d)")
_MONEY = re.compile(r"(?<![\d.,])(\d{1,6})(?:[,.](\d\d))?\s?(?:€|euros?\b)")
_RANGE = re.compile(r"(?<=\d)\s?[-–—]\s?(?=\d)")


def _rules(language: str, words: Words) -> tuple[Rule, ...]:
    def clock(found: re.Match[str]) -> str:
        hour, minute = int(found[1]), int(found[2] or 0)
        if not minute:
            return words.one_hour if hour == 1 else words.full_hour.format(h=cardinal(hour, language))
        hour_word = words.one_hour if hour == 1 else words.clock.format(h=cardinal(hour, language))
        return f"{hour_word} {cardinal(minute, language)}"

    def date(day: int, month: int, year: int) -> str:
        number = words.first_of_month if day == 1 and words.first_of_month else cardinal(day, language)
        of = " de" if language == "es" else ""
        return f"{number}{of} {words.months[month - 1]}{of} {cardinal(year, language)}"

    def dates(text: str) -> str:
        text = _ISO_DATE.sub(lambda found: date(int(found[3]), int(found[2]), int(found[1])), text)
        return _DATE.sub(lambda found: date(int(found[1]), int(found[2]), int(found[3])), text)

    def money(found: re.Match[str]) -> str:
        amount, cents = int(found[1]), int(found[2] or 0)
        coin = "euro" if amount == 1 or language == "it" else "euros"
        one = {"fr": "un", "it": "un", "es": "un"}[language]
        spoken = f"{one if amount == 1 else cardinal(amount, language)} {coin}"
        return f"{spoken} {cardinal(cents, language)}" if cents else spoken

    return (
        dates,
        lambda text: _RANGE.sub(f" {words.to} ", text),
        lambda text: _CLOCK.sub(clock, text),
        lambda text: _MONEY.sub(money, text),
        short_forms(words.short),
        lambda text: _ordinals(text, language),
    )


_ORDINALS: Mapping[str, re.Pattern[str]] = {
    "fr": re.compile(r"(?<!\d)(\d{1,3})(?:ère|ere|er|ème|eme|e)\b"),
    "it": re.compile(r"(?<!\d)(\d{1,3})[°ºª]"),
    "es": re.compile(r"(?<!\d)(\d{1,3})\.?[ºª]"),
}


def _ordinals(text: str, language: str) -> str:
    return _ORDINALS[language].sub(lambda found: ordinal(int(found[1]), language), text)


def _speech(language: str, words: Words) -> Speech:
    return Speech(
        language=language,
        rules=_rules(language, words),
        decimal=",",
        decimal_word={"fr": "virgule", "it": "virgola", "es": "coma"}[language],
        symbols={
            "&": words.and_word,
            "%": words.per_cent,
            "€": "euros" if language != "it" else "euro",
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


FRENCH = _speech(
    "fr",
    Words(
        to="à",
        clock="{h} heures",
        full_hour="{h} heures",
        one_hour="une heure",
        first_of_month="premier",
        months=(
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ),
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
    ),
)
ITALIAN = _speech(
    "it",
    Words(
        to="alle",
        clock="{h} e",
        full_hour="{h}",
        one_hour="una",
        first_of_month="primo",
        months=(
            "gennaio",
            "febbraio",
            "marzo",
            "aprile",
            "maggio",
            "giugno",
            "luglio",
            "agosto",
            "settembre",
            "ottobre",
            "novembre",
            "dicembre",
        ),
        short={"Dott.": "Dottor", "Dr.": "Dottor", "Sig.": "Signor", "Sig.ra": "Signora", "n.": "numero"},
        and_word="e",
        per_cent="per cento",
    ),
)
SPANISH = _speech(
    "es",
    Words(
        to="a",
        clock="{h} y",
        full_hour="{h}",
        one_hour="una",
        first_of_month="uno",
        months=(
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ),
        short={"Dr.": "Doctor", "Dra.": "Doctora", "Sr.": "Señor", "Sra.": "Señora", "n.º": "número"},
        and_word="y",
        per_cent="por ciento",
    ),
)
