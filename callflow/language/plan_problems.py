"""Faults of a number plan as problems of its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from callflow.language.problems import Problem
from callflow.language.source import Source
from callflow.plan_check import Fault


def plan_problems(source: Source, faults: Iterable[Fault]) -> Iterator[Problem]:
    """Tell each fault where it stands: a value's at the value, an entry's or a missing value's at the key.

    Args:
        source: config/lines.yaml.
        faults: what is wrong with the plan that it holds.
    """
    for fault in faults:
        place = source.problem if _is_value(source.data, fault.place) else source.problem_at_key
        code = "plan-fault" if fault.severity == "error" else "plan-warning"
        found = place(code, fault.place, german=fault.german, english=_sentence(fault.english))
        yield replace(found, severity=fault.severity)


def _sentence(text: str) -> str:
    """End a text so that a hint may follow it."""
    return text if text.endswith((".", "?")) else f"{text}."


def _is_value(data: object, place: tuple[str, ...]) -> bool:
    for part in place:
        if not isinstance(data, dict) or part not in data:
            return False
        data = data[part]
    return not isinstance(data, dict)
