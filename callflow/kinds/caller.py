"""`caller`: who is calling?"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from callflow.events import Event
from callflow.flow import Flow, Move, State
from callflow.kinds.base import Exit, Kind, leave


class Caller(Kind):
    """Branch on what the network and the directory know of the caller.

    The first exit that is named and fits is taken, in this order: `urgent`, `repeat`, `language`, `known`,
    then the sort of number, then `otherwise`.
    """

    word: ClassVar[str] = "caller"

    urgent: Exit = ""
    repeat: Exit = ""
    repeat_from: int = Field(default=2, ge=1, le=20)
    foreign_language: Exit = ""
    known: Exit = ""
    mobile: Exit = ""
    landline: Exit = ""
    foreign: Exit = ""
    withheld: Exit = ""
    otherwise: Exit

    def enter(self, flow: Flow, state: State) -> Move:
        """Take the first exit that fits."""
        caller = state.caller
        fits = (
            ("urgent", caller.urgent),
            ("repeat", caller.repeat >= self.repeat_from),
            ("foreign_language", caller.language not in ("", flow.language)),
            ("known", caller.known),
            (caller.kind, True),
        )
        return leave(state, next((name for name, true in fits if true and getattr(self, name)), "otherwise"))

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Nothing to wait for."""
        del event
        return self.enter(flow, state)
