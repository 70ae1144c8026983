"""`transfer`: pass the call on to a person."""

from __future__ import annotations

from typing import ClassVar

from callflow.effects import Transfer as Connect
from callflow.events import Event, TransferAnswered, TransferFailed
from callflow.flow import Flow, Move, State, changed
from callflow.kinds.base import Destination, Exit, Seconds, Speaking, ending, leave, passed, stay

ANSWERED = "answered"
"""The exit by which a call ends with a person."""


class Transfer(Speaking):
    """Connect the caller; `busy`, `no_answer`, `refused` and `failed` go to `otherwise` unless named."""

    word: ClassVar[str] = "transfer"
    waits: ClassVar[bool] = True
    human: ClassVar[bool] = True
    ends: ClassVar[tuple[str, ...]] = (ANSWERED,)
    needs_words: ClassVar[bool] = False

    destination: Destination
    ring_seconds: Seconds = 25
    otherwise: Exit
    busy: Exit = ""
    no_answer: Exit = ""
    refused: Exit = ""
    failed: Exit = ""

    def enter(self, flow: Flow, state: State) -> Move:
        """Connect."""
        connect = self.said(state) or self.saying(flow, state, self._connect(state))
        return stay(state, connect)

    def _connect(self, state: State) -> Connect:
        return Connect(self.words(state), self.destination, self.ring_seconds * 1000)

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Rejoice or go on."""
        del flow
        if isinstance(event, TransferAnswered):
            return answered(state)
        problem = event.problem if isinstance(event, TransferFailed) else "failed"
        return leave(state, problem if getattr(self, problem) else "otherwise")


def answered(state: State) -> Move:
    """Close the books: a person has taken the call."""
    over, records = ending(changed(state, left="human"))
    return stay(over, passed(state, ANSWERED), *records)
