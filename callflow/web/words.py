"""Times as people say them: ages, deadlines, days; Europe/Berlin, in the reader's language."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from callflow.web.catalogue import Texts

BERLIN = ZoneInfo("Europe/Berlin")
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_TWO_DAYS = timedelta(days=2)


def local(at: datetime) -> datetime:
    """Return an aware time as clocks in the practice show it."""
    return at.astimezone(BERLIN)


def clock(at: datetime) -> str:
    """Return the time of day, "14:05"."""
    return f"{local(at):%H:%M}"


def day(at: date) -> str:
    """Return a day as Germans write it, "22.11."."""
    return f"{at:%d.%m.}"


def age(texts: Texts, at: datetime, now: datetime) -> str:
    """Return how long ago something was: minutes, hours, yesterday, or the day."""
    passed = now - at
    if passed < _MINUTE:
        return texts("age.now")
    if passed < _HOUR:
        return texts("age.minutes", n=passed // _MINUTE)
    days = (local(now).date() - local(at).date()).days
    if days == 0:
        return texts("age.hours", n=passed // _HOUR)
    if days == 1:
        return texts("age.yesterday", time=clock(at))
    return texts("age.days", date=day(local(at)), time=clock(at))


def due(texts: Texts, at: datetime, now: datetime) -> str:
    """Return a deadline: until when, or how long overdue."""
    late = now - at
    if late > timedelta():
        return _late(texts, late)
    if local(at).date() == local(now).date():
        return texts("age.due_at", time=clock(at))
    return texts("age.due_day", date=day(local(at)), time=clock(at))


def moment(texts: Texts, at: datetime, now: datetime) -> str:
    """Return a time in a sentence: "um 14:05", "am 23.11. um 08:00"."""
    if local(at).date() == local(now).date():
        return texts("age.at", time=clock(at))
    return texts("age.at_day", date=day(local(at)), time=clock(at))


def promise(texts: Texts, due: datetime, now: datetime) -> str:
    """Return an answer's deadline in a patient's words: "heute bis 16:00 Uhr", "bis morgen, 12:00 Uhr"."""
    days = (local(due).date() - local(now).date()).days
    if days <= 0:
        return texts("due.today", time=clock(due))
    if days == 1:
        return texts("due.tomorrow", time=clock(due))
    weekday = texts(f"weekday.{local(due).weekday()}")
    return texts("due.day", weekday=weekday, date=day(local(due)), time=clock(due))


def stamp(at: datetime, now: datetime) -> str:
    """Return a time for a history line: the time today, else day and time."""
    if local(at).date() == local(now).date():
        return clock(at)
    return f"{day(local(at))} {clock(at)}"


def span(texts: Texts, length: timedelta) -> str:
    """Return a length of time in words: minutes below two hours, then hours, then days."""
    if length < 2 * _HOUR:
        return texts("age.span_minutes", n=round(length / _MINUTE))
    if length < _TWO_DAYS:
        return texts("age.span_hours", n=round(length / _HOUR))
    return texts("age.span_days", n=length.days)


def _late(texts: Texts, late: timedelta) -> str:
    if late < _HOUR:
        return texts("age.late_minutes", n=max(late // _MINUTE, 1))
    if late < _TWO_DAYS:
        return texts("age.late_hours", n=late // _HOUR)
    return texts("age.late_days", n=late.days)
