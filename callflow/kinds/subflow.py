"""`subflow`: a part that several flows share."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from callflow.events import Event
from callflow.flow import Flow, Move, State, changed
from callflow.kinds.base import Exit, FlowName, Kind, leave
from callflow.kinds.goto import Case, spelled_out


class Subflow(Kind):
    """Run the nodes of another file; its `return` comes back to `then`, `return.x` to exit `x`."""

    word: ClassVar[str] = "subflow"

    flow: FlowName
    then: Exit
    exits_: dict[str, Annotated[Case, BeforeValidator(spelled_out)]] = Field(
        default_factory=dict, alias="exits"
    )

    def enter(self, flow: Flow, state: State) -> Move:
        """Note where to return and begin; `enter` is the link that the compiler lays."""
        del flow
        return leave(changed(state, stack=(*state.stack, state.node)), "enter")

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Nothing to wait for."""
        del event
        return self.enter(flow, state)
