"""Moments as people say them, in German and English; the voice spells the times out."""

from __future__ import annotations

from datetime import datetime

WEEKDAYS = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_DE = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
_EN = "January February March April May June July August September October November December"
MONTHS = {"de": tuple(_DE.split(" ")), "en": tuple(_EN.split(" "))}
WEEK = 7
NOON = 12


def when(moment: datetime, now: datetime, language: str = "de") -> str:
    """Say when `moment` is, seen from `now`: "morgen um 8:00 Uhr"; both in the same time zone."""
    days = (moment.date() - now.date()).days
    return _german(moment, days) if language == "de" else _english(moment, days)


def until(moment: datetime, language: str = "de") -> str:
    """Say the time of day: "12:00 Uhr"."""
    if language == "de":
        return f"{moment:%-H:%M} Uhr"
    return f"{moment:%-I:%M} {'a.m.' if moment.hour < NOON else 'p.m.'}"


def _german(moment: datetime, days: int) -> str:
    clock = f"um {until(moment)}"
    weekday = WEEKDAYS["de"][moment.weekday()]
    if days in (0, 1):
        return f"{('heute', 'morgen')[days]} {clock}"
    if days < WEEK:
        return f"am {weekday} {clock}"
    return f"am {weekday}, dem {moment.day}. {MONTHS['de'][moment.month - 1]}, {clock}"


def _english(moment: datetime, days: int) -> str:
    clock = f"at {until(moment, 'en')}"
    weekday = WEEKDAYS["en"][moment.weekday()]
    if days in (0, 1):
        return f"{('today', 'tomorrow')[days]} {clock}"
    if days < WEEK:
        return f"on {weekday} {clock}"
    return f"on {weekday}, {MONTHS['en'][moment.month - 1]} {moment.day}, {clock}"
