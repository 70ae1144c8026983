"""How well callers and the practice heard one another: calls by line and day, and those that sounded bad."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import bindparam
from sqlmodel import col, select

from callflow.inbox.measures import ZONE
from callflow.quality import SoundQuality
from callflow.store import Call, Tx
from callflow.store.prepared import Look

MOST = 200  # calls that are listed one by one
_FIGURES = tuple(each.name for each in fields(SoundQuality))
# Columns instead of rows: a month of calls is looked at without opening anything sealed.
_BEGAN = Look(
    select(
        *(
            Call.__table__.c[name]  # type: ignore[attr-defined]  # SQLModel gives it to each table
            for name in ("id", "line", "dialled", "started_at", "ended_at", *_FIGURES)
        )
    )
    .where(col(Call.started_at) >= bindparam("since"), col(Call.started_at) < bindparam("until"))
    .order_by(col(Call.started_at).desc(), col(Call.id))
)


@dataclass(frozen=True, slots=True)
class HeardCall:
    """A call whose line knows how it sounded; nothing here is about the caller."""

    id: str
    line: str
    dialled: str
    started_at: datetime
    ended_at: datetime | None
    sound: SoundQuality


@dataclass(frozen=True, slots=True)
class LineDay:
    """One line's calls of one day where the practice is.

    Args:
        line: its name.
        day: the calls began on it.
        calls: calls whose sound is known.
        fair: of them, those with a figure beyond its limit, bad ones left out.
        bad: of them, those in which words were missing.
    """

    line: str
    day: date
    calls: int
    fair: int
    bad: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A span of time: latest day first, and the latest calls that did not sound good."""

    days: tuple[LineDay, ...]
    poor: tuple[HeardCall, ...]


def heard(tx: Tx, *, since: datetime, until: datetime) -> Heard:
    """Return how the calls that began in this span sounded."""
    calls = [call for call in _calls(tx, since, until) if call.sound.known]
    by_day: dict[tuple[date, str], list[HeardCall]] = defaultdict(list)
    for call in calls:
        by_day[call.started_at.astimezone(ZONE).date(), call.line].append(call)
    days = sorted(by_day, key=lambda place: (-place[0].toordinal(), place[1]))
    poor = [call for call in calls if call.sound.grade != "good"]
    return Heard(tuple(_day(line, day, by_day[day, line]) for day, line in days), tuple(poor[:MOST]))


def _day(line: str, day: date, calls: list[HeardCall]) -> LineDay:
    grades = [call.sound.grade for call in calls]
    return LineDay(line, day, len(calls), grades.count("fair"), grades.count("bad"))


def _calls(tx: Tx, since: datetime, until: datetime) -> Iterator[HeardCall]:
    for row in _BEGAN.rows(tx, {"since": since, "until": until}):
        sound = SoundQuality(**{name: row.pop(name) for name in _FIGURES})
        yield HeardCall(**row, sound=sound)
