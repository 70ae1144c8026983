"""From a compiled flow to boxes: what is said, where each exit leads, who is human, what is urgent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from callflow.drawing.labels import exit_label
from callflow.effects import Prompt
from callflow.flow import Flow
from callflow.kinds import Kind
from callflow.kinds.menu import Menu

Sort = Literal["human", "urgent", "end", "plain"]
ENDINGS = (".svg", ".mmd")
HUB = 6
"""A box that so many others lead to gets name tags instead of arrows: they would cover the picture."""


class EndingError(ValueError):
    """A file whose name ends in nothing that is drawn.

    Args:
        name: the file's name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: gezeichnet wird als .svg (Bild) oder .mmd (Mermaid). "
            f"Ein Browser druckt das SVG oder macht ein PDF daraus.\n"
            f"{name}: a flow is drawn as .svg (a picture) or .mmd (Mermaid). "
            f"A browser prints the SVG or turns it into a PDF."
        )


@dataclass(frozen=True, slots=True)
class Way:
    """One row of a box: exits that lead to the same place.

    Args:
        label: what leads there ("1 rezept, 2 termin").
        target: name of the box, "" when the call ends here.
        drawn: an arrow is drawn; otherwise the name must do.
    """

    label: str
    target: str
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """One node.

    Args:
        name: its name.
        kind: its kind's keyword.
        text: what it says, "" for nothing.
        sort: who deals with the caller here; decides the colour.
        ways: where it leads.
        keys: keys that lead here from everywhere.
    """

    name: str
    kind: str
    text: str
    sort: Sort
    ways: tuple[Way, ...]
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A flow as boxes.

    Args:
        title: name of the flow.
        version: hash of the flow that is drawn.
        start: name of the first box.
        boxes: in the order of the file, the first one first.
    """

    title: str
    version: str
    start: str
    boxes: tuple[Box, ...]


def picture(flow: Flow, wording: Callable[[Prompt], str]) -> Picture:
    """Draw up the boxes of a flow; `wording` turns prompts into text."""
    nodes = cast("Mapping[str, Kind]", flow.nodes)
    urgent = _urgent(flow, nodes)
    rows = {name: _rows(flow, name, nodes[name]) for name in nodes}
    hubs = _hubs(rows.values())
    keys = {target: key for key, target in sorted(flow.everywhere.items())}
    order = sorted(nodes, key=lambda name: name != flow.start)
    boxes = (
        Box(
            name=name,
            kind=nodes[name].word,
            text=_text(flow, nodes[name], wording),
            sort=_sort(nodes[name], urgent=name in urgent),
            ways=tuple(Way(each.label, each.target, each.target not in hubs) for each in rows[name]),
            keys=keys.get(name, ""),
        )
        for name in order
    )
    return Picture(flow.name, flow.version, flow.start, tuple(boxes))


def _rows(flow: Flow, name: str, node: Kind) -> tuple[Way, ...]:
    """Gather the exits of a node by where they lead; exits by which the call ends come last."""
    named = (found for found in node.references() if found.what == "concern" and found.path[1:])
    concerns = {str(found.path[1]): found.value for found in named}
    gathered: dict[str, list[str]] = {}
    for exit_, target in sorted(flow.links[name].items(), key=lambda link: len(link[0]) > 1):  # keys first
        gathered.setdefault(target, []).append(exit_label(exit_, concerns.get(exit_, "")))
    ends = tuple(Way(exit_label(exit_), "") for exit_ in node.ends)
    return (*(Way(", ".join(dict.fromkeys(labels)), target) for target, labels in gathered.items()), *ends)


def _hubs(rows: Iterable[tuple[Way, ...]]) -> frozenset[str]:
    counts = Counter(way.target for ways in rows for way in ways)
    return frozenset(name for name, count in counts.items() if count >= HUB) | {""}


def _text(flow: Flow, node: Kind, wording: Callable[[Prompt], str]) -> str:
    """Return what a node says first."""
    if inline := getattr(node, "text", ""):
        return wording(Prompt(text=inline, language=flow.language))
    named = next((found.value for found in node.references() if found.what == "prompt"), "")
    return wording(Prompt(named, language=flow.language)) if named else ""


def _sort(node: Kind, *, urgent: bool) -> Sort:
    if node.human:
        return "human"
    if urgent:
        return "urgent"
    return "end" if node.ends else "plain"


def _urgent(flow: Flow, nodes: Mapping[str, Kind]) -> frozenset[str]:
    """Return the nodes that mark a call as urgent, and those one comes to through them only."""
    marking = {name for name, node in nodes.items() if getattr(node, "urgency", "") == "urgent"}
    menus = (node for node in nodes.values() if isinstance(node, Menu))
    marking |= {choice.to for menu in menus for choice in menu.choices.values() if choice.urgency == "urgent"}
    calm = {name for name in (flow.start, *flow.everywhere.values()) if name not in marking}
    pending = list(calm)
    while pending:
        for target in flow.links.get(pending.pop(), {}).values():
            if target in nodes and target not in calm | marking:
                calm.add(target)
                pending.append(target)
    return frozenset(nodes) - calm if marking else frozenset()
