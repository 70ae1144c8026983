"""What the reception achieves, in figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from callflow.inbox.measures import Funnel, Measures, measure
from callflow.inbox.quality import heard
from callflow.web import words
from callflow.web.catalogue import Texts
from callflow.web.days import CHOICES, DaysDep
from callflow.web.staff import HouseDep, StaffDep, show

router = APIRouter(prefix="/measures", include_in_schema=False)
_BAR = 100
_FIRST_HOUR, _LAST_HOUR = 7, 18


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a chart: `width` out of 100."""

    label: str
    count: int
    width: int
    share: str = ""


@router.get("")
async def measures(request: Request, staff: StaffDep, house: HouseDep, days: DaysDep) -> Response:
    """Show the figures of the last days, today included."""
    found, sounded = await house.store.read(
        lambda tx: (
            measure(tx, since=days.since, until=days.until),
            heard(tx, since=days.since, until=days.until),
        )
    )
    waits, texts = found.waits, staff.texts
    return show(
        request,
        "measures.html",
        staff,
        days=days.count,
        spans=CHOICES,
        funnel=list(_steps(found.funnel, texts)),
        rate=percent(found.funnel.deflected, found.funnel.calls),
        hours=list(_hours(found)),
        kinds=sorted(((texts(f"card.{kind}"), count) for kind, count in found.kinds.items()), key=_by_count),
        waits=waits,
        median=words.span(texts, waits.median),
        slowest=words.span(texts, waits.slowest_tenth),
        in_time=percent(waits.in_time, waits.cards),
        measured=sum(day.calls for day in sounded.days),
        poor=sum(day.fair + day.bad for day in sounded.days),
    )


def _steps(funnel: Funnel, texts: Texts) -> Iterator[Bar]:
    most = max(funnel.calls, funnel.sent, 1)
    for name in ("calls", "sent", "delivered", "opened", "submitted", "deflected"):
        count: int = getattr(funnel, name)
        yield Bar(texts(f"measures.{name}"), count, round(_BAR * count / most), percent(count, funnel.calls))


def _hours(found: Measures) -> Iterator[Bar]:
    most = max(found.hours.values(), default=1)
    first, last = min([*found.hours, _FIRST_HOUR]), max([*found.hours, _LAST_HOUR])
    for hour in range(first, last + 1):
        count = found.hours.get(hour, 0)
        yield Bar(f"{hour}–{hour + 1}", count, round(_BAR * count / most))


def percent(part: int, whole: int) -> str:
    """Return a share in words, a dash of nothing."""
    return f"{round(100 * part / whole)} %" if whole else "–"


def _by_count(kind: tuple[str, int]) -> tuple[int, str]:
    return -kind[1], kind[0]
