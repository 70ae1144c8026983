"""Opening hours as a pure calendar: what a caller meets at a given moment.

Times of the week are wall-clock times of the practice's time zone; moments are aware. Holidays come from
the library `holidays` by Land, with Augsburg and Catholic municipalities as their own cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

from callflow.events import Told
from callflow.moments import WEEKDAYS, when
from callflow.moments import until as until_words
from callflow.numbers import written

Answer = Literal["open", "closed", "lunch", "holiday", "closure"]
Span = tuple[time, time]
Spans = tuple[Span, ...]

AHEAD = 400
"""Days to look ahead for the next opening: longer than any closure."""

_EVES = {
    (12, 24): {"de": "Heiligabend", "en": "Christmas Eve"},
    (12, 31): {"de": "Silvester", "en": "New Year's Eve"},
}
_BRIDGE = {"de": "Brückentag", "en": "Bridge day"}
_MONDAY, _FRIDAY = 0, 4


@dataclass(frozen=True, slots=True)
class Deputy:
    """Who stands in: name as spoken, phone in E.164 or ""."""

    name: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Deputies who take turns: `order[0]` begins on `since`, each for `days` days."""

    since: date
    order: tuple[Deputy, ...]
    days: int = 7

    def on(self, day: date) -> Deputy | None:
        """Tell whose turn it is on `day`."""
        if not self.order or day < self.since:
            return None
        return self.order[(day - self.since).days // self.days % len(self.order)]


@dataclass(frozen=True, slots=True)
class Closure:
    """Closed from `first` to `last`, both included.

    Args:
        reason: as announced ("Urlaub"), "" for none.
        deputy: who stands in, None for whoever's turn it is.
    """

    first: date
    last: date
    reason: str = ""
    deputy: Deputy | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What a caller meets.

    Args:
        answer: open or why not.
        reason: name of the holiday or closure, "" for none.
        until: end of the present opening, aware.
        next_open: beginning of the next opening, aware; None if none is in sight.
        deputy: who stands in while closed.
        on_call: 116117 answers now.
    """

    answer: Answer
    reason: str = ""
    until: datetime | None = None
    next_open: datetime | None = None
    deputy: Deputy | None = None
    on_call: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the calendar.

    Args:
        day: the date.
        spans: opening times.
        answer: "open" if there are any, otherwise why not.
        reason: name of the holiday or closure.
        deputy: who stands in.
        on_call: 116117 hours beginning on this day; an end at or before the beginning is the next day's.
    """

    day: date
    spans: Spans
    answer: Answer
    reason: str = ""
    deputy: Deputy | None = None
    on_call: Spans = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours of one practice.

    Args:
        week: seven days from Monday, each its opening times in order.
        land: two-letter Land ("BY"), or "Augsburg" with its own holiday.
        catholic: the municipality keeps Assumption Day (BY) or Corpus Christi (SN, TH).
        eves: opening times on 24 and 31 December, None for those of the weekday.
        bridge_days: opening times between a holiday and a weekend, None for those of the weekday.
        closures: holidays of the practice.
        exceptions: opening times of single days, before everything else.
        rotation: deputies in turn for closures that name none.
        on_call: eight entries from Monday, the last for public holidays and 24 and 31 December.
        zone: time zone of all wall-clock times.
    """

    week: tuple[Spans, ...]
    land: str = ""
    catholic: bool = False
    eves: Mapping[tuple[int, int], Spans | None] = field(default_factory=dict)
    bridge_days: Spans | None = None
    closures: tuple[Closure, ...] = ()
    exceptions: Mapping[date, Spans] = field(default_factory=dict)
    rotation: Rotation | None = None
    on_call: tuple[Spans, ...] = ((),) * 8
    zone: str = "Europe/Berlin"

    def status(self, at: datetime, language: str = "de") -> Status:
        """Tell what a caller meets at `at` (aware)."""
        today = self.day(at.astimezone(ZoneInfo(self.zone)).date(), language)
        on_call = self._on_call(at)
        for start, end in self._moments(today.day, today.spans):
            if start <= at < end:
                return Status("open", today.reason, end, self._next(at), None, on_call)
        answer, deputy = self._why(today, at)
        return Status(answer, today.reason, None, self._next(at), deputy, on_call)

    def _why(self, today: Day, at: datetime) -> tuple[Answer, Deputy | None]:
        spans = self._moments(today.day, today.spans)
        if not spans:
            return today.answer, today.deputy
        between = spans[0][1] <= at < spans[-1][0]
        return ("lunch" if between else "closed"), today.deputy

    def day(self, day: date, language: str = "de") -> Day:
        """Tell how `day` goes."""
        deputy = self.rotation.on(day) if self.rotation else None
        on_call = self.on_call[7 if self._festive(day) else day.weekday()]
        closure = next((c for c in self.closures if c.first <= day <= c.last), None)
        if (special := self.exceptions.get(day)) is not None:
            return Day(day, special, "open" if special else "closed", "", deputy, on_call)
        if closure is not None:
            return Day(day, (), "closure", closure.reason, closure.deputy or deputy, on_call)
        if name := self.holiday(day, language):
            return Day(day, (), "holiday", name, deputy, on_call)
        spans, reason = self._ordinary(day, language)
        answer: Answer = "open" if spans else "holiday" if reason else "closed"
        return Day(day, spans, answer, reason, deputy, on_call)

    def _ordinary(self, day: date, language: str) -> tuple[Spans, str]:
        """Give the weekday's times, unless 24 or 31 December or a bridge day has its own."""
        eve = self.eves.get((day.month, day.day))
        if eve is not None:
            return eve, _EVES[day.month, day.day].get(language, "")
        if self.bridge_days is not None and self._bridge(day) and self.week[day.weekday()]:
            return self.bridge_days, _BRIDGE.get(language, "")
        return self.week[day.weekday()], ""

    def holiday(self, day: date, language: str = "de") -> str:
        """Name the public holiday on `day`, "" if it is none."""
        return _holidays(self.land, self.catholic, day.year, language).get(day, "")

    def days(self, first: date, last: date, language: str = "de") -> Iterator[Day]:
        """Go through the calendar from `first` to `last`."""
        for offset in range((last - first).days + 1):
            yield self.day(first + timedelta(days=offset), language)

    def later(self, at: datetime, opening: timedelta) -> datetime:
        """Return the moment when the practice has been open for `opening` since `at`.

        If it does not open for that long within the next `AHEAD` days, plain time is added.
        """
        left = opening
        for start, end in self._openings(at):
            begin = max(start, at)
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return at + opening

    def _openings(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        today = at.astimezone(ZoneInfo(self.zone)).date()
        for offset in range(AHEAD):
            day = today + timedelta(days=offset)
            yield from (span for span in self._moments(day, self.day(day).spans) if span[1] > at)

    def _next(self, at: datetime) -> datetime | None:
        return next((start for start, _ in self._openings(at) if start > at), None)

    def _on_call(self, at: datetime) -> bool:
        today = at.astimezone(ZoneInfo(self.zone)).date()
        days = (today - timedelta(days=1), today)
        return any(start <= at < end for d in days for start, end in self._moments(d, self.day(d).on_call))

    def _moments(self, day: date, spans: Spans) -> list[tuple[datetime, datetime]]:
        return [
            (self._at(day, start), self._at(day + timedelta(days=end <= start), end)) for start, end in spans
        ]

    def _at(self, day: date, wall: time) -> datetime:
        # Through UTC: arithmetic and comparison within one zone would ignore the hour that DST adds or takes
        return datetime.combine(day, wall, ZoneInfo(self.zone)).astimezone(UTC)

    def _festive(self, day: date) -> bool:
        return bool(self.holiday(day)) or (day.month, day.day) in _EVES

    def _bridge(self, day: date) -> bool:
        before, after = day - timedelta(days=1), day + timedelta(days=1)
        if day.weekday() == _FRIDAY:
            return bool(self.holiday(before))
        return day.weekday() == _MONDAY and bool(self.holiday(after))


@lru_cache(maxsize=256)
def _holidays(land: str, catholic: bool, year: int, language: str) -> Mapping[date, str]:  # noqa: FBT001 - cached
    if not land:
        return {}
    categories = ("public", "catholic") if catholic and land in ("BY", "SN", "TH") else ("public",)
    wording = "de" if language == "de" else "en_US"
    found = holidays.country_holidays("DE", subdiv=land, years=year, categories=categories, language=wording)
    return dict(found)


def told(calendar: Calendar, at: datetime, language: str = "de") -> Told:
    """Answer the engine's question "hours" at `at`, with the facts that prompts may speak."""
    status = calendar.status(at, language)
    zone = ZoneInfo(calendar.zone)
    now = at.astimezone(zone)
    facts = {
        "hours.until": until_words(status.until.astimezone(zone), language) if status.until else "",
        "hours.next": when(status.next_open.astimezone(zone), now, language) if status.next_open else "",
        "hours.reason": status.reason,
        "hours.deputy": status.deputy.name if status.deputy else "",
        "hours.deputy_phone": status.deputy.phone if status.deputy else "",
        "hours.on_call": "yes" if status.on_call else "",
    }
    return Told(status.answer, tuple(sorted(facts.items())))


_ANSWERS = {
    "de": {"open": "offen", "closed": "geschlossen", "holiday": "Feiertag", "closure": "Urlaub"},
    "en": {"open": "open", "closed": "closed", "holiday": "holiday", "closure": "closure"},
}


def table(calendar: Calendar, first: date, last: date, language: str = "de") -> str:
    """Print the calendar as callers meet it, a line a day: `rufweiche hours --from ... --to ...`."""
    return "".join(f"{_row(day, language)}\n" for day in calendar.days(first, last, language))


def _row(day: Day, language: str) -> str:
    words = _ANSWERS.get(language, _ANSWERS["en"])
    weekday = WEEKDAYS.get(language, WEEKDAYS["en"])[day.day.weekday()][:2]
    times = ", ".join(f"{start:%H:%M}-{end:%H:%M}" for start, end in day.spans) or words[day.answer]
    deputy = f"{day.deputy.name} {written(day.deputy.phone)}".strip() if day.deputy and not day.spans else ""
    on_call = ", ".join(f"116117 {start:%H:%M}-{end:%H:%M}" for start, end in day.on_call)
    notes = " | ".join(note for note in (day.reason, deputy, on_call) if note)
    return f"{weekday} {day.day.isoformat()}  {times:<26} {notes}".rstrip()
