"""How a call stands between two of its events: its row, with everything opened."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from callflow.codec import LINE_EFFECTS, STATES
from callflow.effects import LineEffect
from callflow.flow import State
from callflow.quality import SoundQuality
from callflow.store.calls import Call
from callflow.store.prepared import Look, inserting, updating

_CHANGING = ("turn", "answered", "state", "reaction", "outcome", "events", "steps", "ended_at")
_BEGIN = inserting(Call)
_MOVE = updating(Call, _CHANGING, guard="events")
_HEARD = updating(Call, tuple(each.name for each in fields(SoundQuality)))
_FIND = Look(
    select(*(Call.__table__.c[name] for name in ("id", "flow", "version", *_CHANGING))).where(  # type: ignore[attr-defined]  # SQLModel gives it to each table
        col(Call.id) == bindparam("call")
    )
)


class OvertakenError(Exception):
    """The call's row is not as it was thought to be: read it anew."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A call's row; the words are those of `Call`.

    Args:
        state: None before the first event has been taken.
        reaction: what the line was told last, None for nothing.
    """

    id: str
    flow: str
    version: str
    state: State | None = None
    turn: int = 0
    answered: str = ""
    reaction: LineEffect | None = None
    outcome: str = ""
    events: int = 0
    steps: int = 0
    ended_at: datetime | None = None


def standing(tx: Session, call_id: str) -> Standing | None:
    """Return how a call stands, None if there is no such call."""
    for row in _FIND.rows(tx, {"call": call_id}):
        row["state"] = STATES.validate_json(row["state"]) if row["state"] else None
        row["reaction"] = LINE_EFFECTS.validate_json(row["reaction"]) if row["reaction"] else None
        return Standing(**row)
    return None


def begin(  # noqa: PLR0913  a row has this many columns
    tx: Session,
    begun: Standing,
    *,
    line: str,
    dialled: str,
    number: str,
    number_kind: str,
    at: datetime,
) -> None:
    """Write the row of a new call."""
    _BEGIN.run(
        tx,
        _moving(begun)
        | {
            "id": begun.id,
            "flow": begun.flow,
            "version": begun.version,
            "line": line,
            "dialled": dialled,
            "number": number,
            "number_kind": number_kind,
            "started_at": at,
        },
    )


def move(tx: Session, before: Standing, after: Standing) -> None:
    """Write how a call stands now.

    Raises:
        OvertakenError: it did not stand as in `before`, whose count of events tells.
    """
    if _MOVE.run(tx, _moving(after) | {"id": after.id, "was_events": before.events}) != 1:
        raise OvertakenError(after.id)


def heard(tx: Session, call_id: str, sound: SoundQuality) -> None:
    """Write how good a call's sound was; nothing happens when there is no such call."""
    _HEARD.run(tx, {"id": call_id, **asdict(sound)})


def _moving(standing: Standing) -> dict[str, object]:
    state, reaction = standing.state, standing.reaction
    return {
        "turn": standing.turn,
        "answered": standing.answered,
        "state": "" if state is None else STATES.dump_json(state).decode(),
        "reaction": "" if reaction is None else LINE_EFFECTS.dump_json(reaction).decode(),
        "outcome": standing.outcome,
        "events": standing.events,
        "steps": standing.steps,
        "ended_at": standing.ended_at,
    }
