"""Between the flow and a line: a transfer rings where the practice number's people sit now.

The flow names a destination; the number plan knows whether its counterpart at the PBX or in Teams rings, and
who rings next when a number that is moving finds nobody at its new home.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Protocol

from callflow.effects import Transfer
from callflow.events import CallStarted, Event, HungUp, TransferFailed
from callflow.plan import Plan, lot
from callflow.session import Reaction


class Desk(Protocol):
    """Who decides about calls: `callflow.session.Sessions`, or someone in front of them."""

    async def happened(self, call: str, turn: int, event: Event) -> Reaction:
        """Take what happened to a call and return what its line is to do."""

    async def lost(self, line: str, holding: Collection[str]) -> list[str]:
        """End every open call of a line that the line no longer holds."""


@dataclass(slots=True)
class Homes:
    """Sessions whose transfers follow the number plan.

    What it remembers may be lost: a call then rings its number's home of the moment, without a second try.

    Args:
        sessions: decide about calls.
        plan: the number plan; replaced by a new one, it holds for the calls that begin then.
    """

    sessions: Desk
    plan: Plan
    _started: dict[str, tuple[CallStarted, Plan]] = field(default_factory=dict)
    _next: dict[tuple[str, int], tuple[Transfer, ...]] = field(default_factory=dict)

    async def happened(self, call: str, turn: int, event: Event) -> Reaction:
        """As `Sessions.happened`; the flow hears of a failed transfer once every home was tried."""
        if isinstance(event, CallStarted):
            self._started[call] = event, self.plan
        untried = self._next.pop((call, turn), ())
        if untried and isinstance(event, TransferFailed):
            return self._ringing(call, turn, untried)
        reaction = await self.sessions.happened(call, turn, event)
        if isinstance(event, HungUp):
            self._started.pop(call, None)
        if not isinstance(reaction.effect, Transfer):
            return reaction
        return self._ringing(call, reaction.turn, self._attempts(call, reaction.effect))

    async def lost(self, line: str, holding: Collection[str]) -> list[str]:
        """As `Sessions.lost`."""
        return await self.sessions.lost(line, holding)

    def _attempts(self, call: str, effect: Transfer) -> tuple[Transfer, ...]:
        if call not in self._started:
            return (effect,)
        started, plan = self._started[call]
        names = plan.attempts(started.dialled, effect.destination, started.at, lot(call))
        # Only the first attempt is announced.
        return tuple(
            replace(effect, destination=name, spoken=() if number else effect.spoken)
            for number, name in enumerate(names)
        )

    def _ringing(self, call: str, turn: int, attempts: tuple[Transfer, ...]) -> Reaction:
        if attempts[1:]:
            self._next[call, turn] = attempts[1:]
        return Reaction(turn, attempts[0])
