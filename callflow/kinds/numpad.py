"""Input on the phone's keys: typed, judged, read back, confirmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callflow.effects import Gather, Prompt
from callflow.events import DigitsPressed, Event, TimedOut
from callflow.flow import Move, State, changed
from callflow.kinds.base import say, stay
from callflow.numbers import e164

TYPING, CONFIRM = "typing", "confirm"
MOST_DIGITS = 18
YES, NO = "1", "2"


@dataclass(frozen=True, slots=True)
class Entered:
    """The dialogue is over: `value` is confirmed, or "" if the caller gave up."""

    state: State
    value: str


@dataclass(frozen=True, slots=True)
class Numpad:
    """The dialogue's texts and rules.

    Args:
        ask: what asks for the input.
        wrong: prompt said before asking once more, when the input cannot be used.
        readback: prompt that speaks `number` and asks to confirm with 1 or correct with 2; "" goes on
            without confirmation.
        reads: makes the value of the typed digits, "" if they cannot be used.
        tries: misunderstandings and corrections before giving up.
        digits: most digits of an input.
    """

    ask: Callable[[State], tuple[Prompt, ...]]
    wrong: str
    readback: str
    reads: Callable[[str], str]
    tries: int = 3
    digits: int = MOST_DIGITS

    def begin(self, state: State) -> Move:
        """Ask for the input."""
        return self._ask(changed(state, tries=0), ())

    def resume(self, state: State, event: Event) -> Move | Entered:
        """Go on in phase `TYPING` or `CONFIRM`."""
        digits = event.digits if isinstance(event, (DigitsPressed, TimedOut)) else ""
        if state.phase == CONFIRM:
            return self._confirm(state, digits)
        if not digits:  # silence is no wrong number: the question alone comes again
            return self._again(state)
        value = self.reads(digits.strip("*#"))
        if not value:
            return self._again(state, say(state, self.wrong))
        return self._read_back(state, value) if self.readback else Entered(state, value)

    def _confirm(self, state: State, digits: str) -> Move | Entered:
        if digits == YES:
            return Entered(state, state.scratch)
        if digits == NO:
            return self._again(state)
        if state.tries + 1 >= self.tries:
            return Entered(state, "")
        return self._read_back(changed(state, tries=state.tries + 1), state.scratch)

    def _again(self, state: State, *spoken: Prompt) -> Move | Entered:
        if state.tries + 1 >= self.tries:
            return Entered(state, "")
        return self._ask(changed(state, tries=state.tries + 1), spoken)

    def _ask(self, state: State, before: tuple[Prompt, ...]) -> Move:
        spoken = (*before, *self.ask(state))
        gather = Gather(spoken, digits=self.digits, finish="#", first_ms=10_000, between_ms=4000)
        return stay(changed(state, phase=TYPING, scratch="", typed=""), gather)

    def _read_back(self, state: State, value: str) -> Move:
        spoken = say(state, self.readback, number=value)
        return stay(changed(state, phase=CONFIRM, scratch=value), Gather((spoken,), first_ms=8000))


def dialled(accepts: Callable[[str], bool]) -> Callable[[str], str]:
    """Read digits as a telephone number in E.164, if `accepts` does."""

    def reads(digits: str) -> str:
        number = e164(digits)
        return number if number and accepts(number) else ""

    return reads


def owns(state: State, digits: str) -> bool:
    """While someone types, only a single key can mean something else; confirming needs 1 and 2."""
    if state.phase == TYPING:
        return len(digits) > 1
    return state.phase == CONFIRM and digits in (YES, NO)
