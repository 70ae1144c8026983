"""`goto`: go on elsewhere, perhaps depending on a variable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from callflow.events import Event
from callflow.flow import Flow, Move, State
from callflow.kinds.base import Exit, Kind, Lint, Part, Variable, leave


class Case(Part):
    """Where one value of the variable leads."""

    to: Exit


def spelled_out(value: object) -> object:
    """Read `key: node` as `key: {to: node}`."""
    return {"to": value} if isinstance(value, str) else value


class Goto(Kind):
    """Go on at `to`; or, if `variable` has one of the values in `cases`, at that case's node."""

    word: ClassVar[str] = "goto"

    to: Exit
    variable: Variable = ""
    cases: dict[str, Annotated[Case, BeforeValidator(spelled_out)]] = Field(default_factory=dict)

    def lints(self) -> Iterator[Lint]:
        """Cases need a variable and a variable needs cases."""
        if bool(self.variable) != bool(self.cases):
            yield Lint("goto-half", ("variable",) if self.variable else ("cases",))
        if "to" in self.cases:
            yield Lint("goto-case-to", ("cases", "to"))

    def enter(self, flow: Flow, state: State) -> Move:
        """Choose."""
        del flow
        value = dict(state.variables).get(self.variable, "") if self.variable else ""
        return leave(state, value if value in self.cases else "to")

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Nothing to wait for."""
        del event
        return self.enter(flow, state)
