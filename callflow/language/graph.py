"""The ways a call can go, as the checker sees them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
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

    def lead_to(self, goals: Iterable[str]) -> set[str]:
        """Find all nodes from which a call can come to one of `goals`."""
        back: dict[str, set[str]] = {name: set() for name in self.edges}
        for name, targets in self.edges.items():
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
    for name, written in built.nodes.items():
        if isinstance(written.node, Subflow):
            calls.setdefault(f"{written.node.flow}/", []).append(name)
    returns: dict[str, set[str]] = {}
    for name, written in built.nodes.items():
        for target in links[name].values():
            if is_return(target):
                returns.setdefault(written.prefix, set()).add(_exit(target))

    def follow(prefix: str, target: str) -> set[str]:
        """Resolve returns, which may lead on to returns of the calling subflow."""
        found: set[str] = set()
        pending, seen = [(prefix, target)], set[tuple[str, str]]()
        while pending:
            here = pending.pop()
            if here in seen:
                continue
            seen.add(here)
            if not is_return(here[1]):
                found.add(here[1])
                continue
            for caller in calls.get(here[0], ()):
                if (back := links[caller].get(_exit(here[1]))) is not None:
                    pending.append((built.nodes[caller].prefix, back))
        return found

    edges: dict[str, frozenset[str]] = {}
    open_edges: dict[str, frozenset[str]] = {}
    for name, written in built.nodes.items():
        out = {e: t for e, t in links[name].items() if not isinstance(written.node, Subflow) or e == "enter"}
        edges[name] = frozenset(t for target in out.values() for t in follow(written.prefix, target))
        if isinstance(written.node, Hours):
            out = {"open": out["open"]}
        open_edges[name] = frozenset(t for target in out.values() for t in follow(written.prefix, target))
    known = built.nodes.keys()
    return Graph(
        built.nodes,
        links,
        {name: targets & known for name, targets in edges.items()},
        {name: targets & known for name, targets in open_edges.items()},
        {prefix: frozenset(exits) for prefix, exits in returns.items()},
    )


def _exit(target: str) -> str:
    return target.removeprefix(RETURN).removeprefix(".") or "then"
