"""English as read in Britain: weekdays, the 24-hour clock as a.m. and p.m., dates, money, short forms."""

from __future__ import annotations

import re
from collections.abc import Mapping

from callflow import moments
from callflow.prompts.normalise.tables import Speech, short_forms
from callflow.prompts.normalise.words import cardinal, ordinal, year

DAYS: Mapping[str, str] = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
}
MONTHS = moments.MONTHS["en"]
_SHORT_FORMS: Mapping[str, str] = {
    "Dr.": "Doctor",
    "Dr": "Doctor",
    "Prof.": "Professor",
    "Mr.": "Mister",
    "Mr": "Mister",
    "Mrs.": "Missis",
    "e.g.": "for example",
    "i.e.": "that is",
    "etc.": "et cetera",
    "No.": "number",
    "approx.": "approximately",
    "GP": "G P",
    "SMS": "S M S",
    "ECG": "E C G",
}
_NOON = 12
_DAY = "|".join(DAYS)
_DAY_RANGE = re.compile(rf"\b({_DAY})\.?\s?[-–—]\s?({_DAY})\b\.?")
_DAY_ALONE = re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b\.?(?=[\s,:])")
_TIME_RANGE = re.compile(
    r"(?<![\d.,:])([01]?\d|2[0-4]):([0-5]\d)\s?(?:[-–—]|\bto\b)\s?([01]?\d|2[0-4]):([0-5]\d)(?![\d:])"
)
_TIME = re.compile(r"(?<![\d.,:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])(?!\s?[ap]\.?m)")
_HALF_DAY = re.compile(r"(?<![\d.,:])(1[0-2]|0?[1-9])(?::([0-5]\d))?\s?([ap])\.?m\b\.?")
_MONTH = "|".join(MONTHS)
_DATE = re.compile(
    rf"(?<!\d)(?:the\s)?([12]?\d|3[01])(?:st|nd|rd|th)?\s(?:of\s)?({_MONTH})(?:,?\s((?:19|20)\d\d))?"
)
_AMERICAN_DATE = re.compile(rf"\b({_MONTH})\s([12]?\d|3[01])(?:st|nd|rd|th)?\b(?:,?\s((?:19|20)\d\d))?")
_ISO_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?!\d)")
_ORDINAL = re.compile(r"(?<!\d)(\d{1,3})(?:st|nd|rd|th)\b")
_MONEY = re.compile(r"(€|£|\$)\s?(\d{1,6})(?:\.(\d\d))?(?!\d)")
_COINS = {"€": ("euro", "euros"), "£": ("pound", "pounds"), "$": ("dollar", "dollars")}
_RANGE = re.compile(r"(?<=\d)\s?[-–—]\s?(?=\d)")


def clock(hour: int, minute: int) -> str:
    """Return 13:30 as "one thirty p m", 12:00 as "twelve noon"."""
    if (hour, minute) == (_NOON, 0):
        return "twelve noon"
    if (hour % 24, minute) == (0, 0):
        return "midnight"
    words = cardinal(hour % _NOON or _NOON, "en")
    if minute:
        words += f" {'oh ' if minute < 10 else ''}{cardinal(minute, 'en')}"  # noqa: PLR2004 - "nine oh five"
    return f"{words} {'a' if hour < _NOON else 'p'} m"


def date(day: int, month: int, of_year: int | None) -> str:
    """Return "the twenty-fourth of December twenty twenty-six"."""
    words = f"the {ordinal(day, 'en')} of {MONTHS[month - 1]}"
    return f"{words} {year(of_year, 'en')}" if of_year else words


def _days(text: str) -> str:
    ranged = _DAY_RANGE.sub(lambda found: f"{DAYS[found[1]]} to {DAYS[found[2]]}", text)
    return _DAY_ALONE.sub(lambda found: DAYS[found[1]], ranged)


def _times(text: str) -> str:
    def ranged(found: re.Match[str]) -> str:
        hours = [int(part) for part in found.groups()]
        return f"{clock(hours[0], hours[1])} to {clock(hours[2], hours[3])}"

    def halved(found: re.Match[str]) -> str:
        hour = int(found[1]) % _NOON + (_NOON if found[3] == "p" else 0)
        return clock(hour, int(found[2] or 0))

    text = _TIME_RANGE.sub(ranged, text)
    text = _TIME.sub(lambda found: clock(int(found[1]), int(found[2])), text)
    return _HALF_DAY.sub(halved, text)


def _dates(text: str) -> str:
    def year_of(written: str | None) -> int | None:
        return int(written) if written else None

    text = _ISO_DATE.sub(lambda found: date(int(found[3]), int(found[2]), int(found[1])), text)
    text = _DATE.sub(lambda found: date(int(found[1]), MONTHS.index(found[2]) + 1, year_of(found[3])), text)
    return _AMERICAN_DATE.sub(
        lambda found: date(int(found[2]), MONTHS.index(found[1]) + 1, year_of(found[3])), text
    )


def _money(text: str) -> str:
    def spoken(found: re.Match[str]) -> str:
        amount, cents = int(found[2]), int(found[3] or 0)
        words = f"{cardinal(amount, 'en')} {_COINS[found[1]][amount != 1]}"
        return f"{words} {cardinal(cents, 'en')}" if cents else words

    return _MONEY.sub(spoken, text)


def _ordinals(text: str) -> str:
    return _ORDINAL.sub(lambda found: ordinal(int(found[1]), "en"), text)


def _ranges(text: str) -> str:
    return _RANGE.sub(" to ", text)


SPEECH = Speech(
    language="en",
    rules=(_days, _times, _dates, _money, short_forms(_SHORT_FORMS), _ordinals, _ranges),
    decimal=".",
    decimal_word="point",
    symbols={
        "&": "and",
        "%": "per cent",
        "€": "euros",
        "@": "at",
        "+": "plus",
        "*": "star",
        "#": "hash",
        "=": "equals",
        "–": ", ",
        "—": ", ",
        "/": " ",
        "_": " ",
        "|": " ",
        "\\": " ",
        '"': "",
        "“": "",
        "”": "",
        "(": ", ",
        ")": ", ",
    },
)
