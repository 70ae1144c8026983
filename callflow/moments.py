"""Moments as people say them, in five languages; the voice spells the times out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

WEEKDAYS = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "it": ("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
_DE = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
_EN = "January February March April May June July August September October November December"
_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
_IT = "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
_ES = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
MONTHS = {
    language: tuple(names.split(" "))
    for language, names in {"de": _DE, "en": _EN, "fr": _FR, "it": _IT, "es": _ES}.items()
}
WEEK = 7
NOON = 12


@dataclass(frozen=True, slots=True)
class _Phrases:
    """How one language puts days and times together.

    Args:
        near: today, tomorrow.
        past: today, yesterday.
        at: "{time}" is filled.
        at_one: the same between one and two o'clock.
        weekday: "{weekday}" and "{clock}" are filled.
        far: also "{day}" and "{month}".
        day: "{day}" and "{month}", without a time.
    """

    near: tuple[str, str]
    past: tuple[str, str]
    at: str
    at_one: str
    weekday: str
    far: str
    day: str


_PHRASES = {
    "de": _Phrases(
        ("heute", "morgen"),
        ("heute", "gestern"),
        "um {time}",
        "um {time}",
        "am {weekday} {clock}",
        "am {weekday}, dem {day}. {month}, {clock}",
        "dem {day}. {month}",
    ),
    "en": _Phrases(
        ("today", "tomorrow"),
        ("today", "yesterday"),
        "at {time}",
        "at {time}",
        "on {weekday} {clock}",
        "on {weekday}, {month} {day}, {clock}",
        "{month} {day}",
    ),
    "fr": _Phrases(
        ("aujourd'hui", "demain"),
        ("aujourd'hui", "hier"),
        "à {time}",
        "à {time}",
        "{weekday} {clock}",
        "le {weekday} {day} {month} {clock}",
        "le {day} {month}",
    ),
    "it": _Phrases(
        ("oggi", "domani"),
        ("oggi", "ieri"),
        "alle {time}",
        "all'{time}",
        "{weekday} {clock}",
        "{weekday} {day} {month} {clock}",
        "il {day} {month}",
    ),
    "es": _Phrases(
        ("hoy", "mañana"),
        ("hoy", "ayer"),
        "a las {time}",
        "a la {time}",
        "el {weekday} {clock}",
        "el {weekday} {day} de {month} {clock}",
        "el {day} de {month}",
    ),
}


def when(moment: datetime, now: datetime, language: str = "de") -> str:
    """Say when `moment` is, seen from `now`: "morgen um 8:00 Uhr"; both in the same time zone."""
    spoken = _spoken(language)
    phrases = _PHRASES[spoken]
    clock = (phrases.at_one if moment.hour == 1 else phrases.at).format(time=until(moment, spoken))
    days = (moment.date() - now.date()).days
    if days in (0, 1):
        return f"{phrases.near[days]} {clock}"
    weekday = WEEKDAYS[spoken][moment.weekday()]
    if days < WEEK:
        return phrases.weekday.format(weekday=weekday, clock=clock)
    month = MONTHS[spoken][moment.month - 1]
    return phrases.far.format(weekday=weekday, day=moment.day, month=month, clock=clock)


def until(moment: datetime, language: str = "de") -> str:
    """Say the time of day: "12:00 Uhr"."""
    match _spoken(language):
        case "de":
            return f"{moment:%-H:%M} Uhr"
        case "en":
            return f"{moment:%-I:%M} {'a.m.' if moment.hour < NOON else 'p.m.'}"
        case _:
            return f"{moment:%-H:%M}"


def day_words(day: date, today: date, language: str = "de") -> str:
    """Say which day it was, to go after "von" or "of": "gestern", "Montag", "dem 3. Mai"."""
    spoken = _spoken(language)
    ago = (today - day).days
    if ago in (0, 1):
        return _PHRASES[spoken].past[ago]
    if 0 < ago < WEEK:
        return WEEKDAYS[spoken][day.weekday()]
    return _PHRASES[spoken].day.format(day=day.day, month=MONTHS[spoken][day.month - 1])


def _spoken(language: str) -> str:
    """Return the language itself, or English for one without words of its own."""
    return language if language in _PHRASES else "en"
