"""`collect`: digits typed into a variable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from callflow.events import Event
from callflow.flow import Flow, Move, State, changed
from callflow.kinds import numpad
from callflow.kinds.base import Exit, Lint, PromptName, Reference, Speaking, Tries, Variable, leave, remember
from callflow.kinds.numpad import MOST_DIGITS, Numpad
from callflow.numbers import diallable

DATE_DIGITS = 8


class Collect(Speaking):
    """Ask for digits, read them back, have them confirmed with 1 (2 corrects), keep them in `into`.

    `sort` judges them: `digits` by number (`least` to `most`), `date` as DDMMYYYY (kept as "01.05.1950"),
    `phone` as a number that can be called (kept in E.164).
    """

    word: ClassVar[str] = "collect"
    waits: ClassVar[bool] = True
    asks: ClassVar[bool] = True
    speaks: ClassVar[tuple[str, ...]] = ("number",)

    into: Variable
    sort: Literal["digits", "date", "phone"] = "digits"
    least: int = Field(default=1, ge=1, le=MOST_DIGITS)
    most: int = Field(default=MOST_DIGITS, ge=1, le=MOST_DIGITS)
    confirm: bool = True
    readback: PromptName = ""
    wrong: PromptName = "collect_wrong"
    tries: Tries = 3
    then: Exit
    no_input: Exit

    def lints(self) -> Iterator[Lint]:
        """Warn of telephone numbers that nobody confirms."""
        yield from super().lints()
        if self.least > self.most:
            yield Lint("limits-odd", ("least",), (("high", "most"), ("low", "least")))
        if self.sort == "phone" and not self.confirm:
            yield Lint("unconfirmed", ("confirm",), (), "warning")

    def references(self) -> Iterator[Reference]:
        """Name the read-back text that goes with `sort`, too."""
        yield from super().references()
        if self.confirm and not self.readback:
            yield Reference("prompt", ("sort",), self._readback())

    def private(self) -> tuple[str, ...]:
        """What is typed here is the caller's."""
        return (self.into,)

    def owns(self, state: State, digits: str) -> bool:
        """Keep the keys of the dialogue."""
        return numpad.owns(state, digits)

    def enter(self, flow: Flow, state: State) -> Move:
        """Ask."""
        del flow
        return self._numpad().begin(state)

    def resume(self, flow: Flow, state: State, event: Event) -> Move:
        """Go on with the dialogue."""
        del flow
        found = self._numpad().resume(state, event)
        if not isinstance(found, numpad.Entered):
            return found
        if not found.value:
            return leave(found.state, "no_input")
        return leave(changed(remember(found.state, ((self.into, found.value),)), scratch=""), "then")

    def _readback(self) -> str:
        return self.readback or f"collect_readback_{self.sort}"

    def _numpad(self) -> Numpad:
        readback = self._readback() if self.confirm else ""
        most = {"date": DATE_DIGITS, "digits": self.most}.get(self.sort, MOST_DIGITS)
        return Numpad(self.words, self.wrong, readback, self._read, self.tries, most)

    def _read(self, digits: str) -> str:
        if self.sort == "phone":
            return numpad.dialled(diallable)(digits)
        if self.sort == "date":
            return _date(digits)
        return digits if digits.isdecimal() and self.least <= len(digits) <= self.most else ""


def _date(digits: str) -> str:
    if len(digits) != DATE_DIGITS or not digits.isdecimal():
        return ""
    try:
        day = date(int(digits[4:]), int(digits[2:4]), int(digits[:2]))
    except ValueError:
        return ""
    return f"{day.day:02}.{day.month:02}.{day.year:04}"
