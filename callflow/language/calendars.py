"""config/hours.yaml -> calendars, with the same care for mistakes as flows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, WithJsonSchema

from callflow.hours import Calendar, Closure, Deputy, Rotation, Span, Spans
from callflow.kinds.base import Part
from callflow.language.problems import FlowErrors, Problem
from callflow.language.schema import NAME, complaints
from callflow.language.source import Source, parse, read
from callflow.numbers import e164

DAYS = ("mo", "di", "mi", "do", "fr", "sa", "so")
Land = Literal[
    "BB",
    "BE",
    "BW",
    "BY",
    "HB",
    "HE",
    "HH",
    "MV",
    "NI",
    "NW",
    "RP",
    "SH",
    "SL",
    "SN",
    "ST",
    "TH",
    "Augsburg",
    "",
]


def _span(value: object) -> Span:
    start, sign, end = str(value).replace("–", "-").partition("-")
    if not sign:
        raise ValueError("08:00-12:00")
    return _time(start.strip()), _time(end.strip())


def _time(text: str) -> time:
    hour, sign, minute = text.partition(":")
    if not (sign and hour.isdecimal() and minute.isdecimal()):
        raise ValueError("08:00-12:00")
    # 24:00 is how people write the end of a day
    return time(int(hour) % 24, int(minute)) if int(hour) <= 24 else time(int(hour))  # noqa: PLR2004


def _in_order(spans: Spans) -> Spans:
    for start, end in spans:
        if end <= start and end != time(0):
            raise ValueError(f"{start:%H:%M} < {end:%H:%M}")
    for (_, end), (start, _) in pairwise(spans):
        if start <= end:
            raise ValueError(f"{end:%H:%M} < {start:%H:%M}")
    return spans


def _listed(value: object) -> object:
    return () if value == "closed" else (value,) if isinstance(value, str) else value


def _phone(value: str) -> str:
    number = e164(value)
    if value and not number:
        raise ValueError("0821 123456")
    return number


_WRITTEN_SPAN = {"type": "string", "pattern": r"^\d{1,2}:\d{2}\s*[-–]\s*\d{1,2}:\d{2}$"}
_WRITTEN_SPANS = [{"const": "closed"}, _WRITTEN_SPAN, {"type": "array", "items": _WRITTEN_SPAN}]
"""How people write what the validators read, for the JSON Schema."""

OneSpan = Annotated[Span, BeforeValidator(_span)]
Opening = Annotated[
    tuple[OneSpan, ...],
    BeforeValidator(_listed),
    AfterValidator(_in_order),
    WithJsonSchema({"anyOf": _WRITTEN_SPANS}),
]
OnCall = Annotated[tuple[OneSpan, ...], BeforeValidator(_listed), WithJsonSchema({"anyOf": _WRITTEN_SPANS})]
AsWeekday = Annotated[
    Opening | None,
    BeforeValidator(lambda value: None if value == "as_weekday" else value),
    WithJsonSchema({"anyOf": [{"const": "as_weekday"}, *_WRITTEN_SPANS]}),
]


class WrittenDeputy(Part):
    """Who stands in."""

    name: str
    phone: Annotated[str, AfterValidator(_phone)] = ""

    def deputy(self) -> Deputy:
        """Freeze."""
        return Deputy(self.name, self.phone)


class WrittenClosure(Part):
    """Holidays of the practice; both days included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    reason: str = ""
    deputy: WrittenDeputy | None = None


class WrittenRotation(Part):
    """Deputies who take turns."""

    since: date
    days: int = Field(default=7, ge=1, le=92)
    order: tuple[WrittenDeputy, ...] = Field(min_length=1)


class Week(Part):
    """A week's times; a day that is left out is closed."""

    mo: Opening = ()
    di: Opening = ()
    mi: Opening = ()
    do: Opening = ()
    fr: Opening = ()
    sa: Opening = ()
    so: Opening = ()


class OnCallWeek(Part):
    """Hours of 116117; an end at or before its beginning is the next day's."""

    mo: OnCall = ()
    di: OnCall = ()
    mi: OnCall = ()
    do: OnCall = ()
    fr: OnCall = ()
    sa: OnCall = ()
    so: OnCall = ()
    holiday: OnCall = ()


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("Europe/Berlin") from None
    return value


class WrittenCalendar(Part):
    """One calendar of config/hours.yaml."""

    zone: Annotated[str, AfterValidator(_zone)] = "Europe/Berlin"
    land: Land = ""
    catholic: bool = False
    week: Week
    christmas_eve: AsWeekday = ()
    new_years_eve: AsWeekday = ()
    bridge_days: AsWeekday = None
    closures: tuple[WrittenClosure, ...] = ()
    exceptions: dict[date, Opening] = Field(default_factory=dict)
    deputies: WrittenRotation | None = None
    on_call: OnCallWeek = OnCallWeek()

    def calendar(self) -> Calendar:
        """Freeze."""
        turns = self.deputies
        return Calendar(
            week=tuple(getattr(self.week, day) for day in DAYS),
            land=self.land,
            catholic=self.catholic,
            eves={(12, 24): self.christmas_eve, (12, 31): self.new_years_eve},
            bridge_days=self.bridge_days,
            closures=tuple(
                Closure(c.first, c.last, c.reason, c.deputy.deputy() if c.deputy else None)
                for c in self.closures
            ),
            exceptions=dict(self.exceptions),
            rotation=Rotation(turns.since, tuple(d.deputy() for d in turns.order), turns.days)
            if turns
            else None,
            on_call=tuple(getattr(self.on_call, day) for day in (*DAYS, "holiday")),
            zone=self.zone,
        )


def load_calendars(path: Path, raw: bytes | None = None) -> dict[str, Calendar]:
    """Read config/hours.yaml.

    Raises:
        FlowErrors: with every problem by file, line and column.
    """
    source = read(path) if raw is None else parse(raw, str(path))
    problems: list[Problem] = []
    calendars = source.data.get("calendars") if isinstance(source.data, dict) else None
    if not isinstance(calendars, dict) or not calendars:
        raise FlowErrors([source.problem("field-missing", (), field="calendars")])
    problems.extend(_unknown(source, source.data))
    found = {name: _one(source, name, value, problems) for name, value in calendars.items()}
    if problems:
        raise FlowErrors(problems)
    return {name: calendar for name, calendar in found.items() if calendar is not None}


def _unknown(source: Source, data: Mapping[str, object]) -> Iterable[Problem]:
    for name in data.keys() - {"calendars"}:
        yield source.problem_at_key("field-unknown", (name,), field=name, suggestion="→ calendars")


def _one(source: Source, name: str, value: object, problems: list[Problem]) -> Calendar | None:
    way = ("calendars", name)
    if not NAME.fullmatch(name):
        problems.append(source.problem_at_key("name-wrong", way, name=name[:40]))
        return None
    try:
        return _checked(source, WrittenCalendar.model_validate(value).calendar(), name, problems)
    except ValidationError as error:
        problems.extend(complaints(source, way, error, WrittenCalendar.model_fields))
        return None


def _checked(source: Source, calendar: Calendar, name: str, problems: list[Problem]) -> Calendar:
    for index, closure in enumerate(calendar.closures):
        if closure.last < closure.first:
            way = ("calendars", name, "closures", index)
            problems.append(source.problem("limits-odd", way, low="from", high="to"))
    return calendar
