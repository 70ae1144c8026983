"""The house's health: for programs at /health (no personal data), for people at /house."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from callflow import inbox
from callflow.answers import LONGEST_CALL
from callflow.language.problems import Problem
from callflow.language.versions import Entry
from callflow.outbox.caps import messages
from callflow.store import Call, Intent, Tx, sqlite_version
from callflow.web.catalogue import Texts
from callflow.web.house import House
from callflow.web.staff import HouseDep, StaffDep, show

router = APIRouter()
LEAST_MB = 50
"""With less room on the disk the next calls cannot be kept, and the lines would handle them alone."""
_UNSENT = select(func.count()).select_from(Intent).where(col(Intent.status).in_(("queued", "leased")))


class Fault(BaseModel):
    """A fault in a file of the configuration, which is therefore not in force; /house has it in words."""

    file: str
    line: int
    column: int
    code: str


class Health(BaseModel):
    """How the house stands.

    Args:
        status: "ok"; "degraded" when it works, but not as it should; "down" when calls are handled by the
            lines alone, or by nobody.
        reasons: why it is not "ok": "line_down", "disk_full", "trunk_down", "file_broken"; and
            "restart_needed", which leaves it "ok": the house works as it was told, and who changed a file in
            the morning to restart in the evening needs no alarm.
        ok: the status is "ok".
        line: the telephone line is up.
        trunks: which trunks are up, by name; empty when no line knows.
        faults: files of the configuration that are broken; what was last in force is.
        waiting: files of the configuration that were changed soundly and come into force with a restart.
        calls: calls in progress, on all lines.
        sqlite: version of the SQLite library (the WAL-reset fault is fixed in 3.51.3).
        queue: cards that nobody works on.
        overdue: open cards whose deadline has passed.
        outbox: messages that are not sent yet.
        sms_today: text messages of the last 24 hours.
        sms_alarm: the day's budget of text messages is nearly (or wholly) used up.
        disk_mb: megabytes free where everything is kept.
    """

    status: Literal["ok", "degraded", "down"]
    reasons: list[str]
    ok: bool
    line: bool
    trunks: dict[str, bool]
    faults: list[Fault]
    waiting: list[str]
    calls: int
    sqlite: str
    queue: int
    overdue: int
    outbox: int
    sms_today: int
    sms_alarm: bool
    disk_mb: int


@router.get("/health", tags=["health"])
async def health(house: HouseDep) -> Health:
    """Tell how the house stands; holds no personal data and needs no token.

    The answer is 200 whenever the app lives: what is wrong outside does not get better by a restart.
    """
    return await _health(house)


@router.get("/house", include_in_schema=False)
async def page(request: Request, staff: StaffDep, house: HouseDep) -> Response:
    """Show how the house stands."""
    now = await _health(house)
    texts = staff.texts
    gauges = [
        (texts("house.line"), texts("line.up") if now.line else texts("line.down"), not now.line),
        *((name, texts("line.up") if up else texts("line.down"), not up) for name, up in now.trunks.items()),
        (texts("house.calls"), now.calls, False),
        (texts("house.queue"), now.queue, False),
        (texts("house.overdue"), now.overdue, now.overdue > 0),
        (texts("house.outbox"), now.outbox, False),
        (texts("house.sms_today"), f"{now.sms_today} / {house.caps.per_day}", now.sms_alarm),
        (texts("house.database"), f"SQLite {now.sqlite}", False),
        (texts("house.disk"), f"{now.disk_mb / 1000:.1f} GB", now.disk_mb < LEAST_MB),
        *_flows(house.flows(), texts),
    ]
    external = any(form.url for form in house.forms.forms.values())
    key = house.form_key if external and staff.admin else ""
    told = texts.language
    faults, waiting = _sorted(house.faults())
    broken = [(f"{f.file}:{f.line}:{f.column}", f.message(told), f.hint(told)) for f in faults]
    waits = [(each.file, each.message(told), each.hint(told)) for each in waiting]
    return show(
        request,
        "house.html",
        staff,
        health=now,
        gauges=gauges,
        faults=broken,
        waits=waits,
        form_key=key,
    )


def _flows(flows: Mapping[str, Entry], texts: Texts) -> Iterator[tuple[str, str, bool]]:
    """Show each flow's version in force, and whether a changed file was refused since."""
    for name, entry in flows.items():
        refused = entry.action == "refused"
        force = texts("house.refused", version=entry.version[:8]) if refused else entry.version[:8]
        yield f"{texts('house.flow')} {name}", force, refused


def _sorted(problems: tuple[Problem, ...]) -> tuple[list[Problem], list[Problem]]:
    """Part the files that are broken from those that only wait for a restart."""
    broken = [each for each in problems if each.severity == "error"]
    return broken, [each for each in problems if each.severity != "error"]


async def _health(house: House) -> Health:
    counts = await house.store.read(lambda tx: _counts(tx, house, house.clock()))
    line, room, trunks = house.line_up(), house.room_mb(), dict(house.trunks())
    faults, waiting = _sorted(house.faults())
    worst = [name for name, bad in (("line_down", not line), ("disk_full", room < LEAST_MB)) if bad]
    lesser = (("trunk_down", not all(trunks.values())), ("file_broken", bool(faults)))
    wrong = [*worst, *(name for name, bad in lesser if bad)]
    return Health(
        status="down" if worst else "degraded" if wrong else "ok",
        reasons=[*wrong, "restart_needed"] if waiting else wrong,
        ok=not wrong,
        line=line,
        trunks=trunks,
        faults=[Fault(file=f.file, line=f.line, column=f.column, code=f.code) for f in faults],
        waiting=[each.file for each in waiting],
        calls=counts.calls,
        sqlite=sqlite_version(),
        queue=counts.queue,
        overdue=counts.overdue,
        outbox=counts.outbox,
        sms_today=counts.sms_today,
        sms_alarm=counts.sms_alarm,
        disk_mb=room,
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    calls: int
    queue: int
    overdue: int
    outbox: int
    sms_today: int
    sms_alarm: bool


def _counts(tx: Tx, house: House, now: datetime) -> _Counts:
    return _Counts(
        calls=tx.exec(_in_progress(now)).one(),
        queue=inbox.waiting(tx, now=now),
        overdue=len(inbox.overdue(tx, now=now)),
        outbox=tx.exec(_UNSENT).one(),
        sms_today=messages(tx, now=now),
        sms_alarm=house.caps.alarm(tx, now=now),
    )


def _in_progress(now: datetime) -> SelectOfScalar[int]:
    begun = col(Call.started_at) > now - LONGEST_CALL
    return select(func.count()).select_from(Call).where(col(Call.ended_at).is_(None), begun)
