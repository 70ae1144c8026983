"""`rufweiche check`: all problems of flows and calendars, for people, programs and GitHub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from callflow.language.load import look
from callflow.language.problems import FlowErrors, Problem, ordered, refused
from callflow.language.source import read
from callflow.language.surroundings import Surroundings

Format = Literal["text", "json", "github"]


def flow_files(path: Path) -> tuple[Path, ...]:
    """List the flows meant by `path`: itself, or those of a folder; what they share is seen with them.

    A file that flows share stands for all flows beside it, since it is nothing without them.
    """
    if path.is_dir():
        return tuple(file for file in sorted(path.glob("*.yaml")) if not _shared(file))
    return flow_files(path.parent) if _shared(path) else (path,)


def _shared(path: Path) -> bool:
    try:
        data = read(path).data
    except FlowErrors:
        return False
    return isinstance(data, dict) and ("fragment" in data or "subflow" in data)


def check_files(path: Path, around: Surroundings) -> tuple[Problem, ...]:
    """Check the flow at `path`, or all flows of that folder."""
    return ordered(problem for file in flow_files(path) for problem in look(file, around)[1])


def report(problems: Sequence[Problem], form: Format = "text", language: str = "de") -> str:
    """Write problems down.

    Args:
        problems: what was found.
        form: "text" for people, "json" for programs, "github" for annotations of a workflow.
        language: two-letter code.
    """
    if form == "json":
        return (
            json.dumps([_fields(problem, language) for problem in problems], ensure_ascii=False, indent=2)
            + "\n"
        )
    write = _github if form == "github" else _text
    return "".join(f"{write(problem, language)}\n" for problem in problems)


def exit_status(problems: Iterable[Problem]) -> int:
    """Return 1 if there is an error, 0 if there are warnings at most."""
    return int(refused(tuple(problems)))


_WORDS = {
    "de": {"error": "Fehler", "warning": "Warnung", "why": "Warum", "hint": "Abhilfe"},
    "en": {"error": "error", "warning": "warning", "why": "why", "hint": "mend"},
}


def _text(problem: Problem, language: str) -> str:
    words = _WORDS.get(language, _WORDS["en"])
    place = f"{problem.file}:{problem.line}:{problem.column}"
    head = f"{place}: {words[problem.severity]}: {problem.message(language)}"
    why = f"    {words['why']}: {problem.why(language)}"
    return f"{head} [{problem.code}]\n{why}\n    {words['hint']}: {problem.hint(language)}"


def _fields(problem: Problem, language: str) -> dict[str, str | int]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message(language),
        "why": problem.why(language),
        "hint": problem.hint(language),
    }


def _github(problem: Problem, language: str) -> str:
    """Write a workflow command; its signs are escaped as GitHub's toolkit does."""
    place = f"file={_property(problem.file)},line={problem.line},col={problem.column}"
    text = f"{problem.message(language)} {problem.hint(language)}"
    return f"::{problem.severity} {place},title={_property(problem.code)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
