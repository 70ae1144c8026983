"""Opening hours as a sentence: "Wir sind montags bis freitags von 8 bis 12 Uhr erreichbar" and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time

from callflow.hours import Calendar, Spans

RUN = 3
"""So many days in a row are "Monday to Wednesday" rather than a list."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's words.

    Args:
        days: Monday to Sunday, as "on Mondays".
        through: from one day to another.
        both: before the last of several.
        span: times of one opening.
        sentence: the whole; "{hours}" is filled.
        never: when there are no hours.
    """

    days: tuple[str, ...]
    through: str
    both: str
    span: str
    sentence: str
    never: str


WORDINGS: Mapping[str, Wording] = {
    "de": Wording(
        ("montags", "dienstags", "mittwochs", "donnerstags", "freitags", "samstags", "sonntags"),
        "{first} bis {last}",
        "und",
        "von {start} bis {end} Uhr",
        "Wir sind {hours} erreichbar.",
        "Wir haben keine festen Sprechzeiten.",
    ),
    "en": Wording(
        ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"),
        "{first} to {last}",
        "and",
        "from {start} to {end}",
        "We are open {hours}.",
        "We have no fixed opening hours.",
    ),
    "fr": Wording(
        ("le lundi", "le mardi", "le mercredi", "le jeudi", "le vendredi", "le samedi", "le dimanche"),
        "du {first} au {last}",
        "et",
        "de {start} à {end}",
        "Nous sommes joignables {hours}.",
        "Nous n'avons pas d'horaires fixes.",
    ),
    "it": Wording(
        ("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
        "da {first} a {last}",
        "e",
        "dalle {start} alle {end}",
        "Siamo raggiungibili {hours}.",
        "Non abbiamo orari fissi.",
    ),
    "es": Wording(
        (
            "los lunes",
            "los martes",
            "los miércoles",
            "los jueves",
            "los viernes",
            "los sábados",
            "los domingos",
        ),
        "de {first} a {last}",
        "y",
        "de {start} a {end}",
        "Atendemos {hours}.",
        "No tenemos horario fijo.",
    ),
}


def week(calendar: Calendar, language: str) -> str:
    """Return the weekly hours as a sentence; German for a language without wording."""
    wording = WORDINGS.get(language, WORDINGS["de"])
    by_spans: dict[Spans, list[int]] = {}
    for day, spans in enumerate(calendar.week):
        if spans:
            by_spans.setdefault(spans, []).append(day)
    if not by_spans:
        return wording.never
    parts = [f"{_days(days, wording)} {_spans(spans, wording, language)}" for spans, days in by_spans.items()]
    return wording.sentence.format(hours=", ".join(parts))


def _days(days: Sequence[int], wording: Wording) -> str:
    names = []
    for run in _runs(days):
        if len(run) >= RUN:
            first, last = (
                wording.days[day].removeprefix("le ").removeprefix("los ") for day in (run[0], run[-1])
            )
            names.append(wording.through.format(first=first, last=last))
        else:
            names += [wording.days[day] for day in run]
    return _listed(names, wording.both)


def _runs(days: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _spans(spans: Spans, wording: Wording, language: str) -> str:
    told = [
        wording.span.format(start=_clock(start, language), end=_clock(end, language)) for start, end in spans
    ]
    return _listed(told, wording.both)


def _clock(moment: time, language: str) -> str:
    """Write a time as the language's rules read it."""
    if language == "de":
        return (
            f"{moment.hour or 24 * (not moment.minute)}:{moment:%M}"
            if moment.minute
            else str(moment.hour or 24)
        )
    return f"{moment:%H:%M}"


def _listed(parts: Sequence[str], both: str) -> str:
    return f" {both} ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
