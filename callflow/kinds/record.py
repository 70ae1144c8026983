"""`record`: a voice message."""

from __future__ import annotations

from typing import ClassVar

from callflow.effects import OpenCard, Play
from callflow.effects import Record as Listen
from callflow.events import Event, Recorded
from callflow.flow import Flow, Move, State, changed
from callflow.kinds.base import KEYS, Exit, PromptName, Seconds, Speaking, leave, say, stay, typed_ahead

LISTENING, DONE = "listening", "done"
SHORTEST_MS = 1000
"""Anything shorter is a cough or a click, not a message."""


class Record(Speaking):
    """Say that the message is recorded and kept (speaking is the consent), record, open a card.

    Nothing said goes to `nothing`, or on to `then` if that is not named.
    """

    word: ClassVar[str] = "record"
    waits: ClassVar[bool] = True

    prompt: PromptName = "record_consent"
    done: PromptName = "record_done"
    most_seconds: Seconds = 120
    silence_seconds: Seconds = 4
    then: Exit
    nothing: Exit = ""

    def enter(self, flow: Flow, state: State) -> Move:
        """Speak, beep, record."""
        del flow
        listen = Listen(self.words(state), self.most_seconds * 1000, self.silence_seconds * 1000)
        return stay(changed(state, phase=LISTENING, typed=""), listen)

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Open the card, then confirm."""
        del flow
        if state.phase == DONE:
            return leave(typed_ahead(state, event), "then")
        if not isinstance(event, Recorded) or not event.recording or event.ms < SHORTEST_MS:
            return leave(state, "nothing" if self.nothing else "then")
        card = OpenCard("voice", state.concern, state.urgency, state.caller.number, event.recording)
        kept = changed(state, phase=DONE, left="card")
        return stay(kept, card, Play((say(state, self.done),), KEYS))
