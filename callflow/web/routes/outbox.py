"""The outbox: messages on their way; with the demo transport their links can be opened here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from callflow import numbers
from callflow.outbox.queue import recent
from callflow.store import Intent
from callflow.web import words
from callflow.web.catalogue import Texts
from callflow.web.house import House
from callflow.web.staff import ForbiddenError, HouseDep, StaffDep, go, show

router = APIRouter(include_in_schema=False)
_LINK = re.compile(r"https?://[^\s]+")
_FAILED = frozenset({"failed", "unknown", "undelivered"})
_TONES = {"sent": "good", "delivered": "good", "failed": "urgent", "unknown": "soon", "undelivered": "urgent"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as the page shows it; `parts` are pieces of text with the address they link to, or ""."""

    at: str
    to: str
    parts: Sequence[tuple[str, str]]
    state: str
    tone: str
    error: str


@router.get("/demo")
async def demo() -> Response:
    """Lead to the outbox; the address that a newcomer is told."""
    return go("/outbox")


@router.get("/outbox")
async def outbox(request: Request, staff: StaffDep, house: HouseDep) -> Response:
    """Show the latest messages: to all in a demonstration, else to the managing person, without texts."""
    if not house.demo and not staff.admin:
        raise ForbiddenError
    intents = await house.store.read(recent)
    messages = [_shown(intent, house, staff.texts) for intent in intents]
    return show(request, "outbox.html", staff, messages=messages)


def _shown(intent: Intent, house: House, texts: Texts) -> Shown:
    state = intent.delivery if intent.delivery in _TONES else intent.status
    return Shown(
        at=words.stamp(intent.created_at, house.clock()),
        to=numbers.written(intent.target),
        parts=list(_parts(intent.body, house.link(""))) if house.demo else [],
        state=texts(f"outbox.{state}"),
        tone=_TONES.get(state, ""),
        error=intent.error if state in _FAILED else "",
    )


def _parts(body: str, base: str) -> Iterator[tuple[str, str]]:
    at = 0
    for link in _LINK.finditer(body):
        yield body[at : link.start()], ""
        ours = link.group().startswith(base)
        yield link.group(), link.group() if ours else ""
        at = link.end()
    yield body[at:], ""
