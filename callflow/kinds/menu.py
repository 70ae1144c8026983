"""`menu`: one key decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from callflow.effects import Gather, LineEffect, Urgency
from callflow.events import DigitsPressed, Event
from callflow.flow import Flow, Move, State, changed
from callflow.kinds.base import (
    Concern,
    Exit,
    Lint,
    Part,
    PromptName,
    Seconds,
    Speaking,
    Tries,
    leave,
    say,
    stay,
)
from callflow.kinds.goto import spelled_out

Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]
MANY = 5


class Choice(Part):
    """Where a key leads, and what is known of the caller's concern then."""

    to: Exit
    concern: Concern = ""
    urgency: Literal["", "urgent", "soon", "routine"] = ""


class Menu(Speaking):
    """Speak, then wait for one key; silence and wrong keys are met with one more try."""

    word: ClassVar[str] = "menu"
    waits: ClassVar[bool] = True
    asks: ClassVar[bool] = True

    choices: dict[Key, Annotated[Choice, BeforeValidator(spelled_out)]] = Field(min_length=1)
    no_input: Exit
    no_match: Exit
    again: PromptName = "menu_again"
    tries: Tries = 2
    seconds: Seconds = 5

    def lints(self) -> Iterator[Lint]:
        """Warn of menus that nobody can remember."""
        yield from super().lints()
        if len(self.choices) > MANY:
            values = (("count", str(len(self.choices))), ("most", str(MANY)))
            yield Lint("menu-long", ("choices",), values, "warning")

    def owns(self, state: State, digits: str) -> bool:
        """A menu's own key comes before the same key everywhere."""
        del state
        return digits in self.choices

    def enter(self, flow: Flow, state: State) -> Move:
        """Take the key that was pressed ahead, or ask."""
        if state.typed:
            return self.resume(flow, changed(state, typed=""), DigitsPressed(state.typed))
        return stay(state, self._gather(flow, state))

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Follow the key, ask again, or give up."""
        if not isinstance(event, DigitsPressed):
            return self._missed(flow, state, "no_input")
        choice = self.choices.get(event.digits)
        if choice is None:
            return self._missed(flow, state, "no_match")
        return leave(concerned(state, choice.concern, choice.urgency), event.digits)

    def _missed(self, flow: Flow, state: State, exit_: str) -> Move:
        tries = state.tries + 1
        if tries >= self.tries:
            return leave(state, exit_)
        again = changed(state, tries=tries)
        return stay(again, self._gather(flow, again))

    def _gather(self, flow: Flow, state: State) -> LineEffect:
        what = "again" if state.tries else ""
        return self.said(state, what) or self.saying(flow, state, self._asked(state), what)

    def _asked(self, state: State) -> Gather:
        spoken = self.words(state)
        if state.tries and self.again:
            spoken = (say(state, self.again), *spoken)
        return Gather(spoken, digits=1, first_ms=self.seconds * 1000)


def concerned(state: State, concern: str, urgency: Urgency | Literal[""]) -> State:
    """Note concern and urgency where given; a new concern has left nothing for the practice yet."""
    if not concern and not urgency:
        return state
    left = "" if concern and concern != state.concern else state.left
    return changed(state, concern=concern or state.concern, urgency=urgency or state.urgency, left=left)
