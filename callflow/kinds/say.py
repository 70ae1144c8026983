"""`say`: an announcement."""

from __future__ import annotations

from typing import ClassVar

from callflow.effects import Play
from callflow.events import DigitsPressed, Event
from callflow.flow import Flow, Move, State, changed
from callflow.kinds.base import KEYS, Exit, Speaking, leave, stay


class Say(Speaking):
    """Speak, then go on.

    A key stops the announcement and is kept for the next menu, so that regular callers get on quickly.
    """

    word: ClassVar[str] = "say"
    waits: ClassVar[bool] = True

    then: Exit

    def enter(self, flow: Flow, state: State) -> Move:
        """Speak."""
        del flow
        return stay(state, Play(self.words(state), KEYS))

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Keep the key that was pressed ahead and go on."""
        del flow
        if isinstance(event, DigitsPressed):
            state = changed(state, typed=event.digits[:1])
        return leave(state, "then")
