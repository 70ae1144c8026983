"""A problem in a file of the admin's: where, what, why it matters to the caller, how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callflow.kinds.base import Severity
from callflow.language.messages import MESSAGES, Words


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem.

    Args:
        file: path as the admin gave it.
        line: from 1.
        column: from 1.
        code: key of the message catalogue.
        values: what to fill into the message.
        severity: errors keep a flow from being used, warnings do not.
    """

    file: str
    line: int
    column: int
    code: str
    values: tuple[tuple[str, str], ...] = ()
    severity: Severity = "error"

    def message(self, language: str = "de") -> str:
        """Say what is wrong."""
        return self._words(language).what.format_map(dict(self.values))

    def why(self, language: str = "de") -> str:
        """Say why it matters to the caller."""
        return self._words(language).why.format_map(dict(self.values))

    def hint(self, language: str = "de") -> str:
        """Say how to mend it."""
        return self._words(language).hint.format_map(dict(self.values))

    def _words(self, language: str) -> Words:
        texts = MESSAGES[self.code]
        return texts.get(language, texts["en"])


class FlowErrors(ValueError):  # noqa: N818 - it holds many errors, not one
    """A flow that cannot be used; `problems` holds errors and warnings, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = ordered(problems)
        first = next((p for p in self.problems if p.severity == "error"), self.problems[0])
        super().__init__(
            f"{first.file}:{first.line}:{first.column}: {first.message('en')} {first.hint('en')}"
        )


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort by file and place, each problem once."""
    return tuple(sorted(set(problems), key=lambda p: (p.file, p.line, p.column, p.code, p.values)))


def refused(problems: Sequence[Problem]) -> bool:
    """Tell whether there is an error among `problems`."""
    return any(problem.severity == "error" for problem in problems)
