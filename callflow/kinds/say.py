"""`say`: an announcement."""

from __future__ import annotations

from typing import ClassVar

from callflow.effects import Play
from callflow.events import Event
from callflow.flow import Flow, Move, State
from callflow.kinds.base import KEYS, Exit, Speaking, leave, stay, typed_ahead


class Say(Speaking):
    """Speak, then go on.

    A key stops the announcement and is kept for the next menu, so that regular callers get on quickly.
    """

    word: ClassVar[str] = "say"
    waits: ClassVar[bool] = True

    then: Exit

    def enter(self, flow: Flow, state: State) -> Move:
        """Speak."""
        play = self.said(state) or self.saying(flow, state, Play(self.words(state), KEYS))
        return stay(state, play)

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Keep the key that was pressed ahead and go on."""
        del flow
        return leave(typed_ahead(state, event), "then")
