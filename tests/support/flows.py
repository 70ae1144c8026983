"""The example practice's rooms for tests of language and engine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from callflow.flow import Flow
from callflow.hours import Calendar
from callflow.language import FolderPrompts, Surroundings, load_calendars, look

ROOT = Path(__file__).parents[2]
PROMPTS = ROOT / "ivr_prompts"


def practice_folder(name: str) -> Path:
    """Return the configuration of the example practice ("praxis") or of one in config/examples/."""
    return ROOT / "config" if name == "praxis" else ROOT / "config/examples" / name


def golden_calls(name: str) -> list[Path]:
    """Return the golden calls of a practice: those it starts with, and our own variations of them."""
    theirs, ours = practice_folder(name) / "calls", ROOT / "tests/calls" / name
    return sorted([*theirs.glob("*.yaml"), *ours.glob("*.yaml")], key=lambda path: path.stem)


@cache
def surroundings(name: str = "praxis") -> Surroundings:
    """Return what the flows of a practice may refer to."""
    folder = practice_folder(name)
    yaml = YAML(typ="safe")
    practice = yaml.load(folder / "practice.yaml")
    lines = yaml.load(folder / "lines.yaml")
    return Surroundings(
        prompts=FolderPrompts(PROMPTS),
        destinations=frozenset(lines["destinations"]),
        concerns=frozenset(practice["concerns"]),
        calendars=frozenset(calendars(name)),
        languages=tuple(practice["languages"]),
    )


@cache
def calendars(name: str = "praxis") -> Mapping[str, Calendar]:
    """Return the calendars of a practice."""
    return load_calendars(practice_folder(name) / "hours.yaml")


@cache
def flow_of(practice: str, name: str) -> Flow:
    """Return a flow of a practice, which must be without errors."""
    flow, problems = look(practice_folder(practice) / "flows" / f"{name}.yaml", surroundings(practice))
    assert flow is not None, [problem.message("en") for problem in problems]
    return flow


def checked(text: str, name: str = "praxis") -> tuple[Flow | None, list[str]]:
    """Check the text of a flow file; return the flow and the codes of all problems."""
    path = practice_folder(name) / "flows" / "test.yaml"
    flow, problems = look(path, surroundings(name), text.encode())
    return flow, [problem.code for problem in problems]
