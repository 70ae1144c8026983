"""The journal of calls: masked events, in order, enough to replay a call; and the book that writes it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import col, select

from callflow.codec import EVENTS
from callflow.effects import LineEffect
from callflow.events import Event
from callflow.flow import State
from callflow.store import CallEvent, CallStep, Tx, new_id
from callflow.store.prepared import Values, inserting
from callflow.store.standing import Standing, move

_EVENT = inserting(CallEvent)
_STEP = inserting(CallStep)


@dataclass(slots=True)
class Book:
    """What one happening adds to a call's rows; nothing is written before `close`.

    Args:
        before: how the call stood.
        outcome, ended_at: as they will be.
    """

    before: Standing
    outcome: str = ""
    ended_at: datetime | None = None
    _events: list[Values] = field(default_factory=list)
    _steps: list[Values] = field(default_factory=list)

    def event(self, event: Event, *, now: datetime) -> None:
        """Note an event; it must hold no personal datum (`callflow.masking`)."""
        entry = {"event": EVENTS.dump_json(event).decode(), "turn": self.before.turn}
        self._events.append(entry | self._place(self.before.events + len(self._events), now))

    def step(self, node: str, exit_: str, *, now: datetime) -> None:
        """Note the exit that a node was left by."""
        entry = {"node": node, "exit": exit_}
        self._steps.append(entry | self._place(self.before.steps + len(self._steps), now))

    def over(self, outcome: str, *, now: datetime) -> None:
        """Note how the call ended."""
        self.outcome, self.ended_at = outcome, now

    def close(self, tx: Tx, state: State, reaction: LineEffect | None, answered: str) -> Standing:
        """Write everything and return how the call stands now.

        Raises:
            OvertakenError: the call did not stand as in `before`.
        """
        before = self.before
        after = replace(
            before,
            state=state,
            turn=state.turn,
            answered=answered,
            reaction=reaction,
            outcome=self.outcome or before.outcome,
            events=before.events + len(self._events),
            steps=before.steps + len(self._steps),
            ended_at=self.ended_at or before.ended_at,
        )
        move(tx, before, after)
        _EVENT.run_many(tx, self._events)
        _STEP.run_many(tx, self._steps)
        return after

    def _place(self, already: int, now: datetime) -> dict[str, object]:
        return {"id": new_id(), "call_id": self.before.id, "position": already + 1, "at": now}


def events(tx: Tx, call_id: str) -> list[Event]:
    """Return what the engine was told in this call, answers to its questions included."""
    rows = tx.exec(select(CallEvent).where(CallEvent.call_id == call_id).order_by(col(CallEvent.position)))
    return [EVENTS.validate_json(row.event) for row in rows]


def steps(tx: Tx, call_id: str) -> list[tuple[str, str]]:
    """Return the nodes the call passed, each with the exit it took."""
    rows = tx.exec(select(CallStep).where(CallStep.call_id == call_id).order_by(col(CallStep.position)))
    return [(row.node, row.exit) for row in rows]
