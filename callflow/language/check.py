"""The lints: what a caller would stumble over, found before a caller hears it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from callflow.kinds.base import Lint, Reference
from callflow.kinds.goto import Goto
from callflow.kinds.menu import Menu
from callflow.kinds.set import Set
from callflow.kinds.subflow import Subflow
from callflow.language.build import Built, Written, is_return, resolved
from callflow.language.graph import Graph, graph_of
from callflow.language.problems import Problem
from callflow.language.schema import suggestion
from callflow.language.source import Source
from callflow.language.surroundings import Surroundings
from callflow.language.words import check_words, first_words


def check(built: Built, around: Surroundings) -> Iterator[Problem]:
    """Find all problems of a flow whose files could be read.

    The course of the call is judged only when every node could be read and every target exists: judging half
    a flow would drown the one real fault in others.
    """
    problems = [
        *_own_faults(built),
        *_references(built, around),
        *_values(built),
        *check_words(built, around),
    ]
    yield from problems
    if any(p.severity == "error" for p in (*problems, *built.problems)):
        return
    graph = graph_of(built)
    if unnamed := tuple(_returns(built, graph)):
        yield from unnamed
        return
    yield from _course(built, graph)
    yield from first_words(built, around, graph)


def _own_faults(built: Built) -> Iterator[Problem]:
    for written in built.nodes.values():
        for lint in written.node.lints():
            yield _problem(written, lint)


def _problem(written: Written, lint: Lint) -> Problem:
    place = (
        written.source.value((*written.way, *lint.path))
        if lint.path
        else written.source.key(written.name_way)
    )
    return Problem(written.source.file, place.line, place.column, lint.code, lint.values, lint.severity)


def _references(built: Built, around: Surroundings) -> Iterator[Problem]:
    if around.languages and built.head.language not in around.languages:
        yield built.source.problem(
            "language-unknown", ("language",), **_language(built.head.language, around)
        )
    yield from _target(built, built.source, ("start",), built.head.start, "")
    for key, target in built.head.everywhere.items():
        yield from _target(built, built.source, ("everywhere", key), target, "")
    for prefix, start in built.starts.items():
        if prefix and not _written(built, prefix + start):
            written = next((w for w in built.nodes.values() if w.prefix == prefix), None)
            source = written.source if written else built.source
            yield source.problem("node-unknown", ("start",), **_hint(start, _local(built, prefix)))
    known: Mapping[str, Collection[str]] = {
        "destination": around.destinations,
        "calendar": around.calendars,
        "concern": around.concerns,
        "variable": built.variables.keys(),
    }
    for written in built.nodes.values():
        for found in written.node.references():
            yield from _reference(built, written, found, known)
        for language in written.node.languages():
            if language not in around.languages:
                yield written.source.problem("language-unknown", written.way, **_language(language, around))


def _language(name: str, around: Surroundings) -> dict[str, str]:
    return {"name": name, "known": ", ".join(sorted(around.languages))}


def _reference(
    built: Built, written: Written, found: Reference, known: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    way = (*written.way, *found.path)
    if found.what == "node":
        yield from _target(built, written.source, way, found.value, written.prefix)
    elif found.what in known and found.value not in known[found.what]:
        yield written.source.problem(f"{found.what}-unknown", way, **_hint(found.value, known[found.what]))


def _target(
    built: Built, source: Source, way: tuple[str | int, ...], target: str, prefix: str
) -> Iterator[Problem]:
    if is_return(target):
        if not prefix:
            yield source.problem("return-outside", way)
    elif not _written(built, resolved(target, prefix)):
        yield source.problem("node-unknown", way, **_hint(target, _local(built, prefix)))


def _written(built: Built, name: str) -> bool:
    return name in built.nodes or name in built.broken


def _local(built: Built, prefix: str) -> Iterable[str]:
    return (name.removeprefix(prefix) for name, written in built.nodes.items() if written.prefix == prefix)


def _hint(name: str, known: Iterable[str]) -> dict[str, str]:
    return {"name": name, "suggestion": suggestion(name, known)}


def _values(built: Built) -> Iterator[Problem]:
    """Values that are set or compared must be values of the variable's type."""
    for written in built.nodes.values():
        for name, value, way in _used(written):
            declared = built.variables.get(name)
            if declared is None:
                yield written.source.problem("variable-unknown", way, **_hint(name, built.variables))
            elif not declared.accepts(value):
                values = {"name": name, "value": value, "expected": declared.expected()}
                yield written.source.problem("variable-value", way, **values)
    for name, declared in built.variables.items():
        if not declared.accepts(declared.first):
            values = {"name": name, "value": declared.first, "expected": declared.expected()}
            yield built.source.problem("variable-value", ("variables", name), **values)


def _used(written: Written) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
    node = written.node
    if isinstance(node, Set):
        yield from ((name, value, (*written.way, "values", name)) for name, value in node.values.items())
    if isinstance(node, Goto) and node.variable:
        yield from ((node.variable, value, (*written.way, "cases", value)) for value in node.cases)


def _returns(built: Built, graph: Graph) -> Iterator[Problem]:
    for name, written in built.nodes.items():
        if not isinstance(written.node, Subflow):
            continue
        exits = graph.links[name]
        for wanted in sorted(graph.returns.get(f"{written.node.flow}/", ())):
            if wanted not in exits:
                values = {"flow": written.node.flow, "exit": wanted}
                yield written.source.problem("return-unknown", (*written.way, "flow"), **values)


def _course(built: Built, graph: Graph) -> Iterator[Problem]:
    reached = graph.reach([built.head.start, *built.head.everywhere.values()])
    ending = graph.lead_to(name for name, written in built.nodes.items() if written.node.ends)
    people = (name for name, written in built.nodes.items() if written.node.human)
    human = graph.lead_to(people, when_open=True)
    keys_help = any(target in human for target in built.head.everywhere.values())
    for name, written in built.nodes.items():
        short = {"node": name}
        if name not in reached:
            yield written.source.problem_at_key("node-unreachable", written.name_way, **short)
        elif name not in ending:
            yield written.source.problem_at_key("dead-end", written.name_way, **short)
    open_nodes = graph.reach([built.head.start], when_open=True)
    for name in sorted(open_nodes):
        written = built.nodes[name]
        if not (keys_help or written.node.ends or name in human):
            yield written.source.problem_at_key("no-human", written.name_way, node=name)
    yield from _endless(built, graph)
    yield from _keys(built, graph)


def _endless(built: Built, graph: Graph) -> Iterator[Problem]:
    restless = {
        name for name, written in built.nodes.items() if not written.node.waits and not written.node.ends
    }
    sorter = TopologicalSorter({name: graph.edges[name] & restless for name in restless})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = error.args[1]
        written = built.nodes[min(circle)]
        names = ", ".join(sorted(set(circle)))
        yield written.source.problem_at_key("loop-endless", written.name_way, nodes=names)


def _keys(built: Built, graph: Graph) -> Iterator[Problem]:
    """Warn where 0 is no human, or where a menu gives a key that works everywhere another meaning."""
    everywhere = built.head.everywhere
    zero = everywhere.get("0", "")
    if not zero or not graph.straight_to_human(zero):
        way: tuple[str, ...] = ("everywhere", "0") if zero else ("everywhere",) if everywhere else ()
        yield _warned(built.source.problem_at_key("zero-not-human", way))
    for name, written in built.nodes.items():
        if not isinstance(written.node, Menu):
            continue
        for key in written.node.choices:
            target = graph.links[name][key]
            at = (*written.way, "choices", key)
            if key == "0" and not graph.straight_to_human(target):
                yield _warned(written.source.problem_at_key("zero-not-human", at))
            elif everywhere.get(key, target) != target:
                yield _warned(written.source.problem_at_key("key-hidden", at, key=key))


def _warned(problem: Problem) -> Problem:
    return Problem(problem.file, problem.line, problem.column, problem.code, problem.values, "warning")
