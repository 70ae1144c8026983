"""Typing a telephone number on the phone's keys: typed, judged, read back, confirmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from callflow.effects import Gather, Prompt
from callflow.events import DigitsPressed, Event, TimedOut
from callflow.flow import State, Stay
from callflow.kinds.base import say, stay
from callflow.numbers import e164

TYPING, CONFIRM = "typing", "confirm"
MOST_DIGITS = 18
YES, NO = "1", "2"


@dataclass(frozen=True, slots=True)
class Entered:
    """The dialogue is over: `number` is confirmed, or "" if the caller gave up."""

    state: State
    number: str


@dataclass(frozen=True, slots=True)
class Numpad:
    """The dialogue's texts and rules.

    Args:
        ask: prompt that asks for the number.
        wrong: prompt said before asking once more, when the number cannot be used.
        readback: prompt that speaks `number` and asks to confirm with 1 or correct with 2.
        accepts: judges an E.164 number.
        tries: misunderstandings and corrections before giving up.
    """

    ask: str
    wrong: str
    readback: str
    accepts: Callable[[str], bool]
    tries: int = 3

    def begin(self, state: State) -> Stay:
        """Ask for the number."""
        return self._ask(replace(state, tries=0), say(state, self.ask))

    def resume(self, state: State, event: Event) -> Stay | Entered:
        """Go on in phase `TYPING` or `CONFIRM`."""
        digits = event.digits if isinstance(event, DigitsPressed | TimedOut) else ""
        if state.phase == CONFIRM:
            return self._confirm(state, digits)
        number = e164(digits.strip("*#"))
        if number and self.accepts(number):
            return self._read_back(state, number)
        return self._again(state, say(state, self.wrong), say(state, self.ask))

    def _confirm(self, state: State, digits: str) -> Stay | Entered:
        if digits == YES:
            return Entered(state, state.scratch)
        if digits == NO:
            return self._again(state, say(state, self.ask))
        if state.tries + 1 >= self.tries:
            return Entered(state, "")
        return self._read_back(replace(state, tries=state.tries + 1), state.scratch)

    def _again(self, state: State, *spoken: Prompt) -> Stay | Entered:
        if state.tries + 1 >= self.tries:
            return Entered(state, "")
        return self._ask(replace(state, tries=state.tries + 1), *spoken)

    def _ask(self, state: State, *spoken: Prompt) -> Stay:
        gather = Gather(spoken, digits=MOST_DIGITS, finish="#", first_ms=10_000, between_ms=4000)
        return stay(replace(state, phase=TYPING, scratch="", typed=""), gather)

    def _read_back(self, state: State, number: str) -> Stay:
        spoken = say(state, self.readback, number=number)
        return stay(replace(state, phase=CONFIRM, scratch=number), Gather((spoken,), first_ms=8000))


def owns(state: State, digits: str) -> bool:
    """While a number is typed only a single key can mean something else; confirming needs 1 and 2."""
    if state.phase == TYPING:
        return len(digits) > 1
    return state.phase == CONFIRM and digits in (YES, NO)
