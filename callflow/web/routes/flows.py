"""Call flows: which version is in force, what was refused and why, and the way back to an earlier version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from callflow.language import FlowErrors
from callflow.language.versions import Entry, Versions
from callflow.web import words
from callflow.web.house import House
from callflow.web.staff import AdminDep, GuardedAdminDep, HouseDep, Staff, go, show

router = APIRouter(prefix="/flows", include_in_schema=False)
_LATEST = 12
_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a flow's history, ready to be shown.

    Args:
        at: when.
        author: who.
        action: what was done, in words.
        version: short form of the version in force afterwards.
        whole: the version, to go back to; "" if it is in force now, or nothing was published.
        reason: why a file was refused.
    """

    at: str
    author: str
    action: str
    version: str
    whole: str
    reason: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A flow as the page shows it; `refused` says why its file is not in force, "" if it is."""

    name: str
    version: str
    refused: str
    lines: Sequence[Line]


@router.get("")
async def flows(request: Request, staff: AdminDep, house: HouseDep) -> Response:
    """Show the flows."""
    return await _page(request, staff, house)


@router.post("/{name}/back")
async def back(
    request: Request,
    staff: GuardedAdminDep,
    house: HouseDep,
    name: str,
    version: Annotated[str, Form(max_length=100)],
) -> Response:
    """Put an earlier version in force again."""
    kept, now = house.versions, house.clock()
    if kept is None or name not in kept.names():
        return go("/flows")
    try:
        await asyncio.to_thread(kept.rollback, name, version, staff.user.login, now)
    except KeyError:
        return await _page(request, staff, house, fault=staff.texts("flows.lost"), status=404)
    except FlowErrors as error:
        told = "\n".join(problem.message(staff.texts.language) for problem in error.problems)
        return await _page(request, staff, house, fault=told, status=409)
    return go("/flows")


async def _page(
    request: Request, staff: Staff, house: House, *, fault: str = "", status: int = 200
) -> Response:
    kept, now = house.versions, house.clock()
    shown = [await asyncio.to_thread(_shown, kept, name, staff, now) for name in kept.names()] if kept else []
    return show(request, "flows.html", staff, status, flows=shown, fault=fault)


def _shown(kept: Versions, name: str, staff: Staff, now: datetime) -> Shown:
    history, version = kept.history(name), kept.version(name)
    last = history[-1] if history else None
    return Shown(
        name=name,
        version=version[:_DIGITS],
        refused=last.reason if last and last.action == "refused" else "",
        lines=[_line(entry, version, staff, now) for entry in reversed(history[-_LATEST:])],
    )


def _line(entry: Entry, current: str, staff: Staff, now: datetime) -> Line:
    earlier = entry.action != "refused" and entry.version != current
    return Line(
        at=words.stamp(datetime.fromisoformat(entry.at), now),
        author=entry.author,
        action=staff.texts(f"flows.{entry.action}"),
        version=entry.version[:_DIGITS],
        whole=entry.version if earlier else "",
        reason=entry.reason,
    )
