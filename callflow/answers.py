"""Answers to what the engine asks about the practice's calls and cards: the hold queue, open requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from callflow import inbox
from callflow.codec import STATES
from callflow.events import Told
from callflow.flow import State
from callflow.kinds.wait import HOLDING, RINGING
from callflow.moments import day_words
from callflow.store import Call, Tx
from callflow.waits import Waits

ZONE = ZoneInfo("Europe/Berlin")
LONGEST_CALL = timedelta(hours=2)
"""A call that lasts longer than this was lost; it holds no place in a queue."""

REMEMBERED = timedelta(days=14)
"""A request done longer ago is none to tell a caller of."""

_STATES = {"open": "open", "claimed": "working", "closed": "done"}


def queue(  # noqa: PLR0913  # what it takes to know one's turn
    tx: Tx, state: State, destination: str, now: datetime, *, waits: Waits, occupied: Callable[[str], bool]
) -> Told:
    """Tell whether it is this call's turn at `destination`.

    Whoever has been on the line longest is first. The first one may ring, the others hold; `queue.position`
    counts from 1. `queue.minutes` is what `waits` has measured, "" as long as that is nothing. While a line
    knows the destination to be `occupied`, the first one holds too: ringing would be in vain.
    """
    own = tx.get_one(Call, state.call)
    place = 1 + sum(1 for call in _live(tx, own, now) if _waits_for(call, destination))
    waits.asked(state.call, destination, place, now)
    minutes = waits.minutes(destination, place, now)
    facts = (("queue.minutes", str(minutes or "")), ("queue.position", str(place)))
    return Told("busy" if place > 1 or occupied(destination) else "free", facts)


def first_waiting(tx: Tx, destination: str, now: datetime) -> str:
    """Return the call that holds for a destination and has been on the line longest, "" for none."""
    running = select(Call).where(col(Call.ended_at).is_(None), col(Call.started_at) > now - LONGEST_CALL)
    holding = [call for call in tx.exec(running) if call.state and _waits_for(call, destination)]
    return min(holding, key=lambda call: (call.started_at, call.id)).id if holding else ""


def _live(tx: Tx, own: Call, now: datetime) -> list[Call]:
    """List the other calls on the line that began before this one."""
    running = select(Call).where(col(Call.ended_at).is_(None), col(Call.started_at) > now - LONGEST_CALL)
    before = (own.started_at, own.id)
    return [call for call in tx.exec(running) if (call.started_at, call.id) < before and call.state]


def _waits_for(call: Call, destination: str) -> bool:
    state = STATES.validate_json(call.state)
    return state.phase in (HOLDING, RINGING) and state.scratch == destination


def request(tx: Tx, state: State, subject: str, now: datetime) -> Told:
    """Tell how the caller's latest request stands; only that, never what it is about."""
    del subject
    card = inbox.latest_of(tx, state.caller.number)
    if card is None or (card.closed_at is not None and card.closed_at < now - REMEMBERED):
        return Told("none")
    since, today = card.first_contact_at.astimezone(ZONE).date(), now.astimezone(ZONE).date()
    return Told(_STATES[card.status], (("request.since", day_words(since, today, state.language)),))
