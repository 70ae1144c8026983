"""Tables of calls: the call's standing, its events and its steps."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from callflow.quality import SoundQuality
from callflow.store.row import Row, instant, new_id, sealed


class Call(Row, table=True):
    """One call; `id` is the line's call id.

    `state` and `reaction` are JSON (`callflow.codec`), `flow` and `version` name the flow it runs on. `turn`
    is the turn of the line effect that was given last; `reaction` is given again when the event whose keyed
    hash is `answered` is repeated. `loss` to `round_trip_ms` are those of `SoundQuality`.
    """

    __tablename__ = "calls"

    line: str = ""
    dialled: str = Field(default="", index=True)
    number: str = sealed(blind="number_blind")
    number_blind: str = Field(default="", index=True)
    number_kind: str = "withheld"
    flow: str = ""
    version: str = ""
    turn: int = 0
    answered: str = ""
    state: str = sealed()
    reaction: str = sealed()
    outcome: str = ""
    events: int = 0
    steps: int = 0
    started_at: datetime = instant(index=True)
    ended_at: datetime | None = instant(nullable=True)
    loss: float | None = None
    jitter_ms: float | None = None
    remote_loss: float | None = None
    round_trip_ms: float | None = None

    @property
    def sound(self) -> SoundQuality:
        """How good the call's sound was."""
        return SoundQuality(self.loss, self.jitter_ms, self.remote_loss, self.round_trip_ms)


class CallEvent(Row, table=True):
    """What the outside told a call, as JSON without personal data: enough to replay the call."""

    __tablename__ = "call_events"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  as SQLAlchemy wants it

    id: str = Field(default_factory=new_id, max_length=64)
    call_id: str = Field(foreign_key="calls.id", primary_key=True)
    position: int = Field(primary_key=True)
    turn: int
    at: datetime = instant()
    event: str = sealed()


class CallStep(Row, table=True):
    """The call passed a node; sealed, because a node's name may tell the reason of the call."""

    __tablename__ = "call_steps"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  as SQLAlchemy wants it

    id: str = Field(default_factory=new_id, max_length=64)
    call_id: str = Field(foreign_key="calls.id", primary_key=True)
    position: int = Field(primary_key=True)
    at: datetime = instant()
    node: str = sealed()
    exit: str = sealed()
