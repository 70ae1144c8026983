"""The two doors of this room: `load` for a house that runs, `look` for an admin who wants all problems."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from callflow.flow import Flow
from callflow.language.build import Built, build
from callflow.language.check import check
from callflow.language.problems import FlowErrors, Problem, ordered, refused
from callflow.language.surroundings import PromptIndex, Surroundings


def load(  # noqa: PLR0913 - one keyword for each sort of name a flow may refer to
    path: Path,
    *,
    prompts: PromptIndex,
    destinations: Collection[str],
    concerns: Collection[str],
    calendars: Collection[str],
    languages: Collection[str] = ("de", "en"),
) -> Flow:
    """Read, check and compile a flow.

    Raises:
        FlowErrors: it has an error; warnings alone do not stop it.
    """
    flow, problems = look(path, Surroundings(prompts, destinations, concerns, calendars, languages))
    if flow is None:
        raise FlowErrors(problems)
    return flow


def look(
    path: Path, around: Surroundings, raw: bytes | None = None
) -> tuple[Flow | None, tuple[Problem, ...]]:
    """Read and check a flow; `raw` are its contents if they are not those of `path`.

    Returns:
        The flow, None if it cannot be used, and all problems found, warnings too.
    """
    try:
        built = build(path, around, raw)
    except FlowErrors as error:
        return None, error.problems
    return judged(built, around)


def judged(built: Built, around: Surroundings) -> tuple[Flow | None, tuple[Problem, ...]]:
    """Check what was read; as `look`."""
    problems = ordered([*built.problems, *check(built, around)])
    return (None if refused(problems) else compiled(built)), problems


def compiled(built: Built) -> Flow:
    """Freeze a flow without errors."""
    defined = {name: "" for written in built.nodes.values() for name in written.node.defines}
    declared = {name: kept.first for name, kept in built.variables.items()}
    return Flow(
        name=built.head.flow,
        version=built.version(),
        language=built.head.language,
        start=built.head.start,
        nodes={name: written.node for name, written in built.nodes.items()},
        links=built.links(),
        everywhere=dict(built.head.everywhere),
        variables=tuple(sorted({**defined, **declared}.items())),
        private=frozenset(name for written in built.nodes.values() for name in written.node.private()),
    )
