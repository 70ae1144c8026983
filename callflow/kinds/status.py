"""`status`: how an open request stands."""

from __future__ import annotations

from typing import ClassVar

from callflow.effects import Ask, Play
from callflow.events import Event, Told
from callflow.flow import Flow, Move, State, changed
from callflow.kinds.base import KEYS, Exit, PromptName, Speaking, leave, remember, stay, typed_ahead

ASKED, SAID = "asked", "said"
KNOWN = frozenset({"open", "working", "done"})


class Status(Speaking):
    """Tell the caller how their latest request stands; without one go to `none`.

    Whoever calls from a number hears only that a request waits, is worked on or is done, never what it is
    about: others may call from the same phone. The facts can be spoken: `request.state` (open, working,
    done), `request.since` (a day in words).
    """

    word: ClassVar[str] = "status"
    defines: ClassVar[tuple[str, ...]] = ("request.state", "request.since")

    prompt: PromptName = "status"
    then: Exit
    none: Exit

    def private(self) -> tuple[str, ...]:
        """How somebody's request stands is nobody else's."""
        return self.defines

    def enter(self, flow: Flow, state: State) -> Move:
        """Ask how the caller's latest request stands."""
        del flow
        if not state.caller.number:
            return leave(state, "none")
        return stay(changed(state, phase=ASKED), Ask("request"))

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Say it, then go on."""
        del flow
        if state.phase == SAID:
            return leave(typed_ahead(state, event), "then")
        if not isinstance(event, Told) or event.answer not in KNOWN:
            return leave(state, "none")
        known = remember(state, (*event.values, ("request.state", event.answer)))
        said = changed(known, phase=SAID, left=state.left or ("" if state.concern else "told"))
        return stay(said, Play(self.words(said), KEYS))
