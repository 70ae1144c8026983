"""`hours`: is the practice open?"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from callflow.effects import Ask
from callflow.events import Event, Told
from callflow.flow import Flow, Move, State
from callflow.kinds.base import CalendarName, Exit, Kind, leave, remember, stay

FACTS = ("until", "next", "reason", "deputy", "deputy_phone", "on_call")
EXITS = frozenset({"open", "lunch", "holiday", "closure", "closed"})


class Hours(Kind):
    """Ask the calendar, then take the exit of its answer; exits that are not named go to `closed`.

    Afterwards the calendar's facts can be spoken: `hours.until`, `hours.next`, `hours.reason`,
    `hours.deputy`, `hours.deputy_phone`, `hours.on_call` ("yes" while 116117 answers).
    """

    word: ClassVar[str] = "hours"
    defines: ClassVar[tuple[str, ...]] = tuple(f"hours.{fact}" for fact in FACTS)

    calendar: CalendarName = "praxis"
    open: Exit
    closed: Exit
    lunch: Exit = ""
    holiday: Exit = ""
    closure: Exit = ""

    @cached_property
    def _question(self) -> Ask:
        return Ask("hours", self.calendar)

    def enter(self, flow: Flow, state: State) -> Move:
        """Ask the calendar."""
        del flow
        return stay(state, self._question)

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Follow its answer; no answer counts as open, since then somebody may pick up."""
        del flow
        if not isinstance(event, Told):
            return leave(state, "open")
        exit_ = event.answer if event.answer in EXITS and getattr(self, event.answer) else "closed"
        return leave(remember(state, event.values), exit_)
