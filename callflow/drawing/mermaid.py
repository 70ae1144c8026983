"""The picture as Mermaid text, for wikis and code hosts that draw it themselves."""

from __future__ import annotations

from textwrap import shorten

from callflow.drawing.picture import Box, Picture

_CLASSES = (
    "  classDef human fill:#d9f2dc,stroke:#1e7b34,stroke-width:3px",
    "  classDef urgent fill:#ffdfdb,stroke:#c0281c,stroke-width:3px",
    "  classDef end_ fill:#e6e8ec,stroke:#5b6573",
    "  classDef plain fill:#fff,stroke:#44546a",
)


def mermaid(picture: Picture) -> str:
    """Return the picture as a Mermaid flowchart."""
    ids = {box.name: f"n{number}" for number, box in enumerate(picture.boxes)}
    boxes = (f'  {ids[box.name]}["{_label(box)}"]:::{_class(box)}' for box in picture.boxes)
    arrows = (
        f'  {ids[box.name]} -->|"{_clean(way.label)}"| {ids[way.target]}'
        for box in picture.boxes
        for way in box.ways
        if way.target in ids
    )
    return "\n".join(("flowchart TD", *boxes, *arrows, *_CLASSES)) + "\n"


def _class(box: Box) -> str:
    return "end_" if box.sort == "end" else box.sort  # "end" is a word of Mermaid's own


def _label(box: Box) -> str:
    head = f"{box.name} (Taste {box.keys} überall)" if box.keys else box.name
    said = shorten(box.text, 90, placeholder=" …")
    return f"<b>{_clean(head)}</b>" + (f"<br/>„{_clean(said)}“" if said else "")


def _clean(text: str) -> str:
    """Return text that can't end a Mermaid string or open a tag."""
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
