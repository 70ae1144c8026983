"""`hangup`: the end of a call."""

from __future__ import annotations

from typing import ClassVar

from callflow.effects import HangUp
from callflow.events import Event
from callflow.flow import Flow, Move, State
from callflow.kinds.base import Speaking, ending, passed, stay


class Hangup(Speaking):
    """Say goodbye and end the call; whoever has left nothing so far leaves a missed-call card."""

    word: ClassVar[str] = "hangup"
    ends: ClassVar[tuple[str, ...]] = ("end",)
    needs_words: ClassVar[bool] = False

    def enter(self, flow: Flow, state: State) -> Move:
        """Close the books first, so that what the goodbye says is true."""
        over, records = ending(state)
        goodbye = self.said(state) or self.saying(flow, state, HangUp(self.words(state)))
        return stay(over, passed(state, "end"), *records, goodbye)

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Nothing follows: the engine takes no event after the end."""
        del event
        return self.enter(flow, state)
