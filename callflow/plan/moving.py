"""How a number moves to its new home: from a day on, for a share of the calls, within weekly windows."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

Home = Literal["pbx", "teams"]
BERLIN = ZoneInfo("Europe/Berlin")
DAYS = ("mo", "di", "mi", "do", "fr", "sa", "so")


class Frozen(BaseModel):
    """Base of everything in config/lines.yaml: an unknown key is a fault, not a wish unheard."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _days(value: object) -> object:
    """Turn "mo-fr", "mo, mi" or a list into day names; a span may reach over the weekend ("fr-mo")."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not parts:
        raise ValueError(_DAYS)
    return tuple(dict.fromkeys(day for part in parts for day in _span(str(part).strip().lower())))


_DAYS = (
    "mo, di, mi, do, fr, sa, so: einer, eine Liste oder eine Spanne wie mo-fr / "
    "mo, di, mi, do, fr, sa, so: one, a list, or a span like mo-fr"
)


def _span(text: str) -> tuple[str, ...]:
    first, _, last = (part.strip() for part in text.partition("-"))
    if first not in DAYS or (last or first) not in DAYS:
        raise ValueError(_DAYS)
    begin = DAYS.index(first)
    length = (DAYS.index(last or first) - begin) % len(DAYS) + 1
    return (DAYS * 2)[begin : begin + length]


def _clock(value: object) -> object:
    """Read "8:00" as "08:00" and "24:00" as the day's end; never a number, which would be seconds."""
    if isinstance(value, time):
        return value
    if value == "24:00":
        return time.max
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('eine Uhrzeit wie "08:00" / a time such as "08:00"')
    return time(int(found[1]), int(found[2]))


def _day(value: object) -> object:
    """Take a calendar day as ISO 8601 writes it; never a number, which would be seconds since 1970."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) and len(value) == len("2026-12-01") else "")
    except ValueError:
        raise ValueError("ein Tag wie 2026-12-01 / a day such as 2026-12-01") from None


_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
Day = Literal["mo", "di", "mi", "do", "fr", "sa", "so"]
# Editors know RFC 3339's times only, with seconds and zone; and nothing of spans.
Clock = Annotated[
    time,
    BeforeValidator(_clock),
    WithJsonSchema({"type": "string", "pattern": rf"^({_CLOCK.pattern}|24:00)$"}),
]
Days = Annotated[
    tuple[Day, ...],
    BeforeValidator(_days),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]


class Window(Frozen):
    """A weekly time window in German local time.

    Args:
        days: of the week: one, a list, or a span such as mo-fr.
        since: its first moment.
        until: the first moment outside of it; "24:00" for the end of the day.
    """

    days: Days
    since: Clock
    until: Clock

    def __str__(self) -> str:
        until = "24:00" if self.until == time.max else f"{self.until:%H:%M}"
        return f"{_shown(self.days)} {self.since:%H:%M}-{until}"

    def holds(self, at: datetime) -> bool:
        """Say whether the aware time `at` lies in the window."""
        local = at.astimezone(BERLIN)
        return self.on(local.date()) and self.since <= local.time() < self.until

    def on(self, day: date) -> bool:
        """Say whether the window opens on a German calendar day."""
        return DAYS[day.weekday()] in self.days

    def meets(self, other: Window) -> bool:
        """Say whether both hold at some moment."""
        shared = set(self.days) & set(other.days)
        return bool(shared) and max(self.since, other.since) < min(self.until, other.until)


def _shown(days: tuple[str, ...]) -> str:
    """Write days as people do: a span where there is one."""
    length = len(days)
    begin = DAYS.index(days[0]) if days else 0
    if length > 2 and (DAYS * 2)[begin : begin + length] == days:  # noqa: PLR2004  # two days are no span
        return f"{days[0]}-{days[-1]}"
    return "+".join(days)


class Migration(Frozen):
    """How a number moves to its new home.

    Args:
        to: the new home; the old one is the number's `home`.
        start: first German calendar day on which calls move.
        share: per cent of the calls that move.
        windows: calls move only within one of these; none: always.
        fallback: ring the old home when the new one does not answer.
    """

    to: Home
    start: Annotated[date, BeforeValidator(_day)]
    share: int = Field(default=100, ge=0, le=100)
    windows: tuple[Window, ...] = ()
    fallback: bool = True

    def moves(self, at: datetime, draw: float) -> bool:
        """Say whether a call at the aware time `at` with the lot `draw` (0 <= draw < 1) moves."""
        if at.astimezone(BERLIN).date() < self.start or draw * 100 >= self.share:
            return False
        return not self.windows or any(window.holds(at) for window in self.windows)
