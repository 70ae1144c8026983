"""`language`: in which language to go on."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from callflow.effects import Gather
from callflow.events import DigitsPressed, Event
from callflow.flow import Flow, Move, State, changed
from callflow.kinds.base import Exit, Language, Seconds, Speaking, leave, stay
from callflow.kinds.menu import Key


class SwitchLanguage(Speaking):
    """Let the caller choose a language; silence goes on in the present one.

    Callers whose language the directory knows are not asked.
    """

    word: ClassVar[str] = "language"
    asks: ClassVar[bool] = True

    choices: dict[Key, Language] = Field(min_length=1)
    seconds: Seconds = 4
    then: Exit

    def languages(self) -> tuple[str, ...]:
        """List the languages to choose from."""
        return tuple(self.choices.values())

    def owns(self, state: State, digits: str) -> bool:
        """Keep the keys of the choice."""
        del state
        return digits in self.choices

    def enter(self, flow: Flow, state: State) -> Move:
        """Ask, unless the caller's language is known."""
        del flow
        known = state.caller.language
        if known and known in (state.language, *self.choices.values()):
            return leave(changed(state, language=known), "then")
        if state.typed in self.choices:
            return leave(changed(state, language=self.choices[state.typed], typed=""), "then")
        return stay(changed(state, typed=""), Gather(self.words(state), first_ms=self.seconds * 1000))

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Switch; a key that is no choice is kept for the menu that follows."""
        del flow
        key = event.digits if isinstance(event, DigitsPressed) else ""
        if key in self.choices:
            return leave(changed(state, language=self.choices[key]), "then")
        return leave(changed(state, typed=key[:1]), "then")
