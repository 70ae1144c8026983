"""How calls sounded, by line and day: whoever looks after the practice's network sees where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from callflow import numbers
from callflow.inbox.quality import MOST, Heard, HeardCall, LineDay, heard
from callflow.quality import BAD_LOSS, HEARD_LOSS, JITTER_MS, ROUND_TRIP_MS, Figure, Grade
from callflow.web import words
from callflow.web.catalogue import Texts
from callflow.web.days import CHOICES, DaysDep
from callflow.web.routes.measures import percent
from callflow.web.staff import HouseDep, StaffDep, show

router = APIRouter(prefix="/measures/quality", include_in_schema=False)
LIMITS = {
    "heard": f"{HEARD_LOSS:.0%}".replace("%", " %"),
    "bad": f"{BAD_LOSS:.0%}".replace("%", " %"),
    "jitter": f"{JITTER_MS:.0f} ms",
    "trip": f"{ROUND_TRIP_MS:.0f} ms",
}
FIGURES: tuple[Figure, ...] = ("loss", "remote_loss", "jitter_ms", "round_trip_ms")


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure in words, and whether it is beyond its limit."""

    text: str
    over: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A call in the list of those that did not sound good."""

    id: str
    when: str
    line: str
    dialled: str
    lasted: str
    grade: Grade
    figures: tuple[Cell, ...]


@router.get("")
async def quality(request: Request, staff: StaffDep, house: HouseDep, days: DaysDep) -> Response:
    """Show how calls of the last days sounded, today included."""
    found = await house.store.read(lambda tx: heard(tx, since=days.since, until=days.until))
    texts = staff.texts
    fair, bad = sum(day.fair for day in found.days), sum(day.bad for day in found.days)
    calls = sum(day.calls for day in found.days)
    return show(
        request,
        "quality.html",
        staff,
        days=days.count,
        spans=CHOICES,
        calls=calls,
        good=percent(calls - fair - bad, calls),
        fair=fair,
        bad=bad,
        by_day=list(_days(found, texts)),
        rows=[_row(call, texts) for call in found.poor],
        more=fair + bad > MOST,
        most=MOST,
        figures=FIGURES,
        limits=LIMITS,
    )


def _days(found: Heard, texts: Texts) -> Iterator[tuple[str, LineDay, str]]:
    for day in found.days:
        yield _date(texts, day.day), day, percent(day.fair + day.bad, day.calls)


def _date(texts: Texts, day: date) -> str:
    return f"{texts(f'measures.weekday_{day.weekday()}')} {words.day(day)}"


def _row(call: HeardCall, texts: Texts) -> Row:
    return Row(
        id=call.id,
        when=f"{words.day(words.local(call.started_at))} {words.clock(call.started_at)}",
        line=call.line,
        dialled=numbers.written(call.dialled) if call.dialled else "–",
        lasted=_lasted(call.started_at, call.ended_at),
        grade=call.sound.grade,
        figures=tuple(_cell(call, name, texts) for name in FIGURES),
    )


def _cell(call: HeardCall, name: Figure, texts: Texts) -> Cell:
    figure: float | None = getattr(call.sound, name)
    if figure is None:
        return Cell("–")
    text = f"{100 * figure:.1f} %" if name in {"loss", "remote_loss"} else f"{figure:.1f} ms"
    return Cell(text.replace(".", ",") if texts.language == "de" else text, name in call.sound.over)


def _lasted(began: datetime, ended: datetime | None) -> str:
    if ended is None:
        return "–"
    minutes, seconds = divmod(int((ended - began).total_seconds()), 60)
    return f"{minutes}:{seconds:02}"
