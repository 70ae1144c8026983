"""Files -> nodes and links: includes, subflows and the places they were written at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from callflow.kinds import KINDS
from callflow.kinds.base import Kind
from callflow.kinds.base import Path as Way
from callflow.kinds.subflow import Subflow
from callflow.language.problems import FlowErrors, Problem
from callflow.language.schema import HEADS, NAME, Declared, Head, complaints, kind_names, suggestion
from callflow.language.source import Source, contents, parse
from callflow.language.surroundings import Surroundings

RETURN = "return"


@dataclass(frozen=True, slots=True)
class Written:
    """A node and where it was written.

    Args:
        node: the node.
        source: its file.
        way: way to the node's fields in the file.
        prefix: of the subflow it belongs to, "" or "subflow/".
    """

    node: Kind
    source: Source
    way: Way
    prefix: str

    @property
    def name_way(self) -> Way:
        """Way to the node's name."""
        return self.way[:-1]


@dataclass(slots=True)
class Built:
    """All nodes of a flow with what is known of them, still unchecked.

    Args:
        head: the flow's own head.
        source: its own file.
        nodes: full name -> node.
        broken: full names of nodes that are written but cannot be used.
        starts: prefix -> first node there.
        variables: what the call remembers.
        problems: what was wrong so far.
        digest: all data the call can meet, for the version.
        files: contents of all files used; "" is the flow's own, an unreadable one is empty.
    """

    head: Head
    source: Source
    nodes: dict[str, Written] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    starts: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Declared] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    digest: list[bytes] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def links(self) -> dict[str, dict[str, str]]:
        """Lay the links: node -> exit -> node or "return..."."""
        return {name: self._links_of(written) for name, written in self.nodes.items()}

    def _links_of(self, written: Written) -> dict[str, str]:
        links = {exit_: resolved(target, written.prefix) for exit_, target in written.node.exits().items()}
        if isinstance(written.node, Subflow):
            links["enter"] = f"{written.node.flow}/{self.starts.get(f'{written.node.flow}/', '')}"
        return links

    def version(self) -> str:
        """Hash all files' contents."""
        return hashlib.sha256(b"\0".join(self.digest)).hexdigest()[:16]


def resolved(target: str, prefix: str) -> str:
    """Name `target`, as written inside the subflow `prefix`, by its full name; returns stay returns."""
    return target if is_return(target) else prefix + target


def is_return(target: str) -> bool:
    """Tell whether a target leaves a subflow."""
    return target == RETURN or target.startswith(f"{RETURN}.")


def build(path: Path, around: Surroundings, raw: bytes | None = None) -> Built:
    """Read a flow with all that it uses.

    Args:
        path: the flow's file.
        around: what it may refer to.
        raw: the file's contents, if they are not to be read from `path`.

    Raises:
        FlowErrors: the flow's own file cannot be read as a flow at all.
    """
    raw = contents(path) if raw is None else raw
    source = parse(raw, str(path), lenient=True)
    built = Built(Head(), source, files={"": raw}, problems=list(source.problems))
    head = _head(source, "flow", built)
    if head is None:
        raise FlowErrors(built.problems)
    built.head = head
    _Gatherer(built, path.parent, around).unit(source, head, "", ())
    return built


def _head(source: Source, wanted: str, built: Built) -> Head | None:
    data = source.data
    if not isinstance(data, dict):
        built.problems.append(source.problem("file-shape", ()))
        return None
    given = [name for name in HEADS if name in data]
    if len(given) != 1:
        built.problems.append(source.problem("head-missing", ()))
        return None
    if given[0] != wanted:
        built.problems.append(source.problem_at_key("head-other", (given[0],), wanted=wanted))
        return None
    try:
        head = Head.model_validate(data)
    except ValidationError as error:
        built.problems.extend(complaints(source, (), error, Head.model_fields))
        return None
    needed = ["nodes"] if wanted == "fragment" else ["start", "nodes"]
    missing = [name for name in needed if not getattr(head, name)]
    built.problems.extend(source.problem("field-missing", (), field=name) for name in missing)
    return None if missing else head


@dataclass(slots=True)
class _Gatherer:
    built: Built
    folder: Path
    around: Surroundings

    def unit(self, source: Source, head: Head, prefix: str, callers: tuple[str, ...]) -> None:
        """Take a file's nodes, then those of its fragments and subflows."""
        self.built.starts[prefix] = head.start
        self._take(source, head, prefix)
        for index, name in enumerate(head.include):
            if found := self._open(source, ("include", index), name, "fragment"):
                self._take(*found, prefix)
        for written in [w for w in self.built.nodes.values() if w.prefix == prefix]:
            if isinstance(written.node, Subflow):
                self._subflow(written, written.node.flow, callers)

    def _subflow(self, written: Written, name: str, callers: tuple[str, ...]) -> None:
        way = (*written.way, "flow")
        if name in callers:
            self.built.problems.append(written.source.problem("flow-cycle", way, name=name))
            return
        if f"{name}/" in self.built.starts:
            return
        if found := self._open(written.source, way, name, "subflow"):
            self.unit(*found, f"{name}/", (*callers, name))

    def _open(self, source: Source, way: Way, name: str, wanted: str) -> tuple[Source, Head] | None:
        if not NAME.fullmatch(name):
            self.built.problems.append(source.problem("name-wrong", way, name=name[:40]))
            return None
        path = self.folder / f"{name}.yaml"
        try:
            found = parse(self._contents(path, name), str(path), lenient=True)
        except FlowErrors as error:
            if error.problems[0].code == "file-unreadable":
                self.built.problems.append(source.problem("file-unreadable", way, reason=f"{name}.yaml"))
            else:
                self.built.problems.extend(error.problems)
            return None
        self.built.problems.extend(found.problems)
        head = _head(found, wanted, self.built)
        return None if head is None else (found, head)

    def _contents(self, path: Path, name: str) -> bytes:
        self.built.files.setdefault(name, b"")
        raw = self.around.fragments.get(name)
        self.built.files[name] = contents(path) if raw is None else raw
        return self.built.files[name]

    def _take(self, source: Source, head: Head, prefix: str) -> None:
        self.built.digest.append(repr(source.data).encode())
        for name, declared in head.variables.items():
            self.built.variables.setdefault(name, declared)
        for name, raw in head.nodes.items():
            way: Way = ("nodes", name)
            if not NAME.fullmatch(name):
                self.built.problems.append(source.problem_at_key("name-wrong", way, name=name[:40]))
            elif (first := self.built.nodes.get(prefix + name)) is not None:
                values = {"node": name, "file": first.source.file}
                self.built.problems.append(source.problem_at_key("node-twice", way, **values))
            else:
                self._node(source, way, prefix + name, raw, prefix)

    def _node(self, source: Source, way: Way, name: str, raw: dict[str, object], prefix: str) -> None:
        """Take a node; until it is there it counts as broken."""
        self.built.broken.add(name)
        if len(raw) != 1:
            self.built.problems.append(
                source.problem_at_key("node-shape", way, node=str(way[-1]), kinds=kind_names())
            )
            return
        word, fields = next(iter(raw.items()))
        kind = KINDS.get(word)
        if kind is None:
            values = {"kind": word[:40], "suggestion": suggestion(word, KINDS)}
            self.built.problems.append(source.problem_at_key("kind-unknown", (*way, word), **values))
            return
        way = (*way, word)
        try:
            node = kind.model_validate(fields)
        except ValidationError as error:
            known = {(problem.line, problem.column) for problem in source.problems}  # told with its cause
            self.built.problems.extend(
                problem
                for problem in complaints(source, way, error, _names(kind))
                if (problem.line, problem.column) not in known
            )
            return
        self.built.broken.discard(name)
        self.built.nodes[name] = Written(node, source, way, prefix)


def _names(kind: type[Kind]) -> Iterator[str]:
    return (info.alias or name for name, info in kind.model_fields.items())
