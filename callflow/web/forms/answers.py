"""What a patient sent for one page, judged: kept answers and faults, both by question."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from callflow import numbers
from callflow.web.forms.form import Answer
from callflow.web.forms.question import Question

Given = Mapping[str, Sequence[str]]
_OLDEST_YEAR = 1900
_DATE_PARTS = ("day", "month", "year")
_CONTROL = re.compile(r"[^\S \n]|[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an answer does not do: the name of a text in the form catalogue, and its placeholders."""

    text: str
    values: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A page's answers: what is kept (even if faulty, to be corrected) and what is wrong with it."""

    answers: Mapping[str, Answer]
    faults: Mapping[str, Fault]


def judge(questions: Mapping[str, Question], given: Given, today: date) -> Judged:
    """Judge what came in for these questions.

    Args:
        questions: what the page asked.
        given: form fields as posted; dates as `name.day`, `name.month`, `name.year`.
        today: the date where the practice is.
    """
    answers: dict[str, Answer] = {}
    faults: dict[str, Fault] = {}
    for name, question in questions.items():
        if question.kind == "files":
            continue
        answers[name], fault = _READERS[question.kind](name, question, given, today)
        missing = not answers[name] and not question.optional
        fault = fault or (Fault(_MISSING.get(question.kind, "fault.missing")) if missing else None)
        if fault:
            faults[name] = fault
    return Judged(answers, faults)


def clean(text: str) -> str:
    """Return a typed text without control and direction characters, lines ended by a line feed."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(" ", unified).strip()


Read = tuple[Answer, Fault | None]


def _text(name: str, question: Question, given: Given, _today: date) -> Read:
    text = clean(_first(given, name))
    if question.kind == "text":
        text = " ".join(text.split())
    if len(text) > question.max:
        return text, Fault("fault.long", (("max", question.max),))
    return text, None


def _one(name: str, question: Question, given: Given, _today: date) -> Read:
    choice = _first(given, name)
    return (choice if choice in question.choices else ""), None


def _many(name: str, question: Question, given: Given, _today: date) -> Read:
    ticked = set(given.get(name, ()))
    return [choice for choice in question.choices if choice in ticked], None


def _consent(name: str, question: Question, given: Given, _today: date) -> Read:
    return (question.version if _first(given, name) == question.version else ""), None


def _phone(name: str, _question: Question, given: Given, _today: date) -> Read:
    typed = clean(_first(given, name))[:40]
    if not typed:
        return "", None
    number = numbers.e164(typed)
    if not number or not numbers.diallable(number):
        return typed, Fault("fault.phone")
    return number, None


def _date(name: str, question: Question, given: Given, today: date) -> Read:
    parts = [_first(given, f"{name}.{part}").strip()[:4] for part in _DATE_PARTS]
    if not any(parts):
        return "", None
    day = _calendar_day(parts)
    if day is None:
        return "", Fault("fault.date")
    if question.past and day > today:
        return day.isoformat(), Fault("fault.future")
    return day.isoformat(), None


def _calendar_day(parts: Sequence[str]) -> date | None:
    if not all(part.isdecimal() for part in parts):
        return None
    day, month, year = (int(part) for part in parts)
    try:
        return date(year, month, day) if year >= _OLDEST_YEAR else None
    except ValueError:
        return None


def _first(given: Given, name: str) -> str:
    values = given.get(name, ())
    return values[0] if values else ""


_READERS: Mapping[str, Callable[[str, Question, Given, date], Read]] = {
    "text": _text,
    "long": _text,
    "one": _one,
    "many": _many,
    "date": _date,
    "phone": _phone,
    "consent": _consent,
}
_MISSING = {"one": "fault.choose", "many": "fault.choose", "consent": "fault.consent", "date": "fault.date"}
