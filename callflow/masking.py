"""Events without personal data: another number of the same sort, so that a replay takes the same way."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from callflow.events import CallStarted, DigitsPressed, Event, Recorded, TimedOut, Told
from callflow.numbers import e164

SHORT = 4  # so many keys are choices of a menu; more may be a number or a date of birth


def masked(event: Event, region: str = "DE") -> Event:
    """Return the event with numbers, dates and recordings of a person replaced."""
    match event:
        case CallStarted():
            return replace(event, caller=replace(event.caller, number=stand_in(event.caller.number)))
        case DigitsPressed() | TimedOut():
            return replace(event, digits=_keys(event.digits, region))
        case Recorded():
            return replace(event, recording="masked" if event.recording else "")
        case _:
            return event


def masked_answer(about: str, answer: Told) -> Told:
    """Return the answer to a question; only calendars and the queue know nothing of the caller."""
    return answer if about in ("hours", "queue") else replace(answer, values=())


def stand_in(number: str) -> str:
    """Return an example number of the same country and sort for an E.164 number; "" stays ""."""
    if not number:
        return ""
    try:
        parsed = phonenumbers.parse(number, None)
    except NumberParseException:
        return ""
    region = phonenumbers.region_code_for_number(parsed) or "DE"
    return _example(region, phonenumbers.number_type(parsed))


@cache
def _example(region: str, sort: int) -> str:
    example = phonenumbers.example_number_for_type(region, sort)
    return phonenumbers.format_number(example, PhoneNumberFormat.E164) if example else ""


def _keys(digits: str, region: str) -> str:
    if len(digits) <= SHORT:
        return digits
    example = stand_in(e164(digits, region)) if digits.startswith("0") else ""
    if not example:
        return "0" * len(digits)
    national = phonenumbers.format_number(phonenumbers.parse(example, None), PhoneNumberFormat.NATIONAL)
    return "".join(each for each in national if each.isdigit())
