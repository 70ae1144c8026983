"""`callback`: the practice will call back."""

from __future__ import annotations

from typing import ClassVar, Literal

from callflow.effects import Gather, OpenCard, Play
from callflow.events import DigitsPressed, Event
from callflow.flow import Flow, Move, State, changed
from callflow.kinds import numpad
from callflow.kinds.base import KEYS, Concern, Exit, Kind, PromptName, Tries, leave, say, stay, typed_ahead
from callflow.kinds.menu import concerned
from callflow.kinds.numpad import NO, YES, Entered, Numpad
from callflow.numbers import diallable

OFFER, DONE = "offer", "done"


class Callback(Kind):
    """Settle the number to call back, open the card, confirm, go on.

    The caller's own number is read back; silence agrees, since it is the number they call from. Without a
    usable number they type one and confirm it. Whoever gives up still leaves a card with what is known.
    """

    word: ClassVar[str] = "callback"
    speaks: ClassVar[tuple[str, ...]] = ("number",)
    waits: ClassVar[bool] = True
    asks: ClassVar[bool] = True

    concern: Concern = ""
    urgency: Literal["", "urgent", "soon", "routine"] = ""
    own_number: PromptName = "callback_own_number"
    ask: PromptName = "callback_ask_number"
    wrong: PromptName = "callback_wrong_number"
    readback: PromptName = "callback_readback"
    done: PromptName = "callback_done"
    done_unknown: PromptName = "callback_done_unknown"
    tries: Tries = 3
    then: Exit

    def owns(self, state: State, digits: str) -> bool:
        """Keep the keys of the number dialogue."""
        if state.phase == OFFER:
            return digits in (YES, NO)
        return numpad.owns(state, digits)

    def enter(self, flow: Flow, state: State) -> Move:
        """Read back the caller's own number, or ask for one; a card once left is not left again."""
        del flow
        noted = changed(concerned(state, self.concern, self.urgency), typed="")
        if noted.left == "card":
            return _confirmed(noted, self.done)
        if diallable(noted.caller.number):
            return self._offer(noted)
        return self._numpad().begin(noted)

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Settle the number."""
        del flow
        if state.phase == DONE:
            return leave(typed_ahead(state, event), "then")
        if state.phase != OFFER:
            return self._settled(self._numpad().resume(state, event))
        if not isinstance(event, DigitsPressed) or event.digits == YES:
            return self._open(state, state.caller.number)
        if event.digits == NO:
            return self._numpad().begin(state)
        if state.tries + 1 >= self.tries:
            return self._open(state, state.caller.number)
        return self._offer(changed(state, tries=state.tries + 1))

    def _offer(self, state: State) -> Move:
        spoken = say(state, self.own_number, number=state.caller.number)
        return stay(changed(state, phase=OFFER), Gather((spoken,), first_ms=5000))

    def _numpad(self) -> Numpad:
        reads = numpad.dialled(diallable)
        return Numpad(lambda state: (say(state, self.ask),), self.wrong, self.readback, reads, self.tries)

    def _settled(self, found: Move | Entered) -> Move:
        if not isinstance(found, Entered):
            return found
        return self._open(found.state, found.value or found.state.caller.number)

    def _open(self, state: State, number: str) -> Move:
        card = OpenCard("callback", state.concern, state.urgency, number)
        return _confirmed(changed(state, left="card"), self.done if number else self.done_unknown, card)


def _confirmed(state: State, prompt: str, *records: OpenCard) -> Move:
    return stay(changed(state, phase=DONE), *records, Play((say(state, prompt),), KEYS))
