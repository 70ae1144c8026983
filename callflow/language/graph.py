"""The ways a call can go, as the checker sees them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from callflow.kinds.hours import Hours
from callflow.kinds.subflow import Subflow
from callflow.language.build import RETURN, Built, Written, is_return


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and where they lead.

    Args:
        nodes: name -> node as written.
        links: node -> exit -> target, returns unresolved.
        edges: node -> all nodes that may follow, returns resolved.
        open_edges: as `edges`, but while the practice is open.
        returns: subflow prefix -> exits it returns by.
    """

    nodes: Mapping[str, Written]
    links: Mapping[str, Mapping[str, str]]
    edges: Mapping[str, frozenset[str]]
    open_edges: Mapping[str, frozenset[str]]
    returns: Mapping[str, frozenset[str]]

    def reach(self, starts: Iterable[str], *, when_open: bool = False) -> set[str]:
        """Find all nodes that a call can come to from `starts`."""
        return _spread(self.open_edges if when_open else self.edges, starts)

    def lead_to(self, goals: Iterable[str], *, when_open: bool = False) -> set[str]:
        """Find all nodes from which a call can come to one of `goals`."""
        back: dict[str, set[str]] = {name: set() for name in self.edges}
        for name, targets in (self.open_edges if when_open else self.edges).items():
            for target in targets:
                back[target].add(name)
        return _spread(back, goals)

    def straight_to_human(self, start: str) -> bool:
        """Tell whether a call at `start` comes to a person without another key, while open."""
        quiet = {
            name: frozenset() if self.nodes[name].node.asks else targets
            for name, targets in self.open_edges.items()
        }
        return any(self.nodes[name].node.human for name in _spread(quiet, [start]))


def _spread(edges: Mapping[str, Iterable[str]], starts: Iterable[str]) -> set[str]:
    seen = {name for name in starts if name in edges}
    waiting = deque(seen)
    while waiting:
        for target in edges[waiting.popleft()]:
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def graph_of(built: Built) -> Graph:
    """Draw the graph of a flow whose targets all exist."""
    links = built.links()
    calls: dict[str, list[str]] = {}
    returns: dict[str, set[str]] = {}
    for name, written in built.nodes.items():
        if isinstance(written.node, Subflow):
            calls.setdefault(f"{written.node.flow}/", []).append(name)
        for target in filter(is_return, links[name].values()):
            returns.setdefault(written.prefix, set()).add(_exit(target))
    ways = _Ways(built.nodes, links, calls)
    return Graph(
        built.nodes,
        links,
        {name: ways.out_of(name, when_open=False) for name in built.nodes},
        {name: ways.out_of(name, when_open=True) for name in built.nodes},
        {prefix: frozenset(exits) for prefix, exits in returns.items()},
    )


@dataclass(frozen=True, slots=True)
class _Ways:
    """Follows links, returns included; `calls` maps a subflow's prefix to the nodes that call it."""

    nodes: Mapping[str, Written]
    links: Mapping[str, Mapping[str, str]]
    calls: Mapping[str, list[str]]

    def out_of(self, name: str, *, when_open: bool) -> frozenset[str]:
        """Find the nodes that may follow `name`."""
        written = self.nodes[name]
        exits = self.links[name]
        if isinstance(written.node, Subflow):
            exits = {"enter": exits["enter"]}
        elif when_open and isinstance(written.node, Hours):
            exits = {"open": exits["open"]}
        found = {node for target in exits.values() for node in self._follow(written.prefix, target)}
        return frozenset(found & self.nodes.keys())

    def _follow(self, prefix: str, target: str) -> Iterator[str]:
        """Resolve a return, which may lead on to a return of the calling subflow."""
        pending, seen = [(prefix, target)], set[tuple[str, str]]()
        while pending:
            here = pending.pop()
            if here in seen:
                continue
            seen.add(here)
            if not is_return(here[1]):
                yield here[1]
                continue
            pending.extend(self._back(*here))

    def _back(self, prefix: str, target: str) -> Iterator[tuple[str, str]]:
        for caller in self.calls.get(prefix, ()):
            if (back := self.links[caller].get(_exit(target))) is not None:
                yield self.nodes[caller].prefix, back


def _exit(target: str) -> str:
    return target.removeprefix(RETURN).removeprefix(".") or "then"
