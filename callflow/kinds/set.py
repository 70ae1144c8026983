"""`set`: note the concern, the urgency or a variable."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from callflow.events import Event
from callflow.flow import Flow, Move, State
from callflow.kinds.base import Concern, Exit, Kind, leave, remember
from callflow.kinds.menu import concerned


class Set(Kind):
    """Note something about the call and go on."""

    word: ClassVar[str] = "set"

    concern: Concern = ""
    urgency: Literal["", "urgent", "soon", "routine"] = ""
    values: dict[str, str] = Field(default_factory=dict)
    then: Exit

    def enter(self, flow: Flow, state: State) -> Move:
        """Note it."""
        del flow
        noted = concerned(state, self.concern, self.urgency)
        return leave(remember(noted, tuple(self.values.items())) if self.values else noted, "then")

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Nothing to wait for."""
        del event
        return self.enter(flow, state)
