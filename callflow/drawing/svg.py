"""The picture as SVG: one sheet, readable on paper and on a screen, without scripts or outside fonts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import shorten, wrap
from xml.sax.saxutils import escape, quoteattr

from callflow.drawing.layout import GAP_Y, Edge, Point, lay_out
from callflow.drawing.picture import Box, Picture, Sort, Way

WIDTH = 268.0
MARGIN = 28.0
HEAD = 86.0
NARROWEST = 720.0
_PAD, _LINE, _TITLE = 12.0, 17.0, 22.0
_LETTER = 6.9  # mean width of a letter at 13 px, generous, so that no font spills over
_TEXT_LINES = 3
_LETTERS = int((WIDTH - 2 * _PAD) / _LETTER)
_COLOURS: Mapping[Sort, tuple[str, str]] = {  # fill and line; distinct in grey, too
    "plain": ("#ffffff", "#44546a"),
    "human": ("#d9f2dc", "#1e7b34"),
    "urgent": ("#ffdfdb", "#c0281c"),
    "end": ("#e6e8ec", "#5b6573"),
}
_LEGEND: tuple[tuple[Sort, str], ...] = (
    ("human", "Mensch"),
    ("urgent", "dringend"),
    ("end", "Ende"),
    ("plain", "Ansage, Frage, Weiche"),
)
_STYLE = (
    "text{font-family:'DejaVu Sans',Verdana,'Segoe UI',Arial,sans-serif;fill:#1c2733}"
    ".h{font-size:24px;font-weight:bold}.t{font-size:14px;font-weight:bold}.k{font-size:11px;fill:#5b6573}"
    ".s{font-size:12.5px;font-style:italic}.w{font-size:12.5px}.b{font-weight:bold}"
    ".g{font-size:11px;font-weight:bold;fill:#fff}"
)


def svg(picture: Picture, practice: str = "") -> str:
    """Return the picture as an SVG document; `practice` stands in its head."""
    boxes = {box.name: box for box in picture.boxes}
    sizes = {name: (WIDTH, _height(box)) for name, box in boxes.items()}
    ways = {
        (box.name, way.target): way.drawn for box in picture.boxes for way in box.ways if way.target in boxes
    }
    layout = lay_out(sizes, ways)
    width, height = max(layout.width, NARROWEST) + 2 * MARGIN, layout.height + HEAD + 2 * MARGIN
    left = (width - layout.width) / 2
    drawn = frozenset(layout.routes)
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{escape(picture.title)}</title><style>{_STYLE}</style>",
        _rect(0, 0, width, height, fill="#fff"),
        *_head(picture, practice, width),
        f'<g transform="translate({left:.1f} {HEAD + MARGIN:.1f})">',
        *(_arrow(route, boxes[edge[0]].sort) for edge, route in _spread(layout.routes)),
        *(part for name, box in boxes.items() for part in _box(box, layout.places[name], boxes, drawn)),
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"


def _rect(x: float, y: float, width: float, height: float, **look: object) -> str:
    """Return a rectangle; `look` holds further SVG attributes with "_" for "-"."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{_attributes(look)}/>'


def _text(css: str, x: float, y: float, words: str, **look: object) -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}"{_attributes(look)}>{escape(words)}</text>'


def _attributes(look: Mapping[str, object]) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in look.items())


def _head(picture: Picture, practice: str, width: float) -> Iterator[str]:
    title = " · ".join(part for part in (practice, picture.title) if part)
    yield _text("h", MARGIN, MARGIN + 18, title)
    yield _text("k", width - MARGIN, MARGIN + 18, f"Fassung {picture.version[:8]}", text_anchor="end")
    x = MARGIN
    for sort, word in _LEGEND:
        fill, line = _COLOURS[sort]
        yield _rect(x, MARGIN + 34, 22, 16, rx=4, fill=fill, stroke=line, stroke_width=2)
        yield _text("w", x + 30, MARGIN + 47, word)
        x += 56 + len(word) * _LETTER
    everywhere = ", ".join(f"{box.keys} → {box.name}" for box in picture.boxes if box.keys)
    if everywhere:
        yield _text("w b", x + 10, MARGIN + 47, f"Überall: {everywhere}")


def _height(box: Box) -> float:
    return _TITLE + _LINE * (len(_said(box)) + sum(len(_way_lines(way)) for way in box.ways)) + 2 * _PAD


def _said(box: Box) -> list[str]:
    if not box.text:
        return []
    lines = wrap(f"„{box.text}“", _LETTERS)
    for longest in range(_LETTERS * _TEXT_LINES, _LETTERS, -1):
        if len(lines) <= _TEXT_LINES:
            break
        lines = wrap(shorten(f"„{box.text}", longest, placeholder="\u00a0…“"), _LETTERS)
    return lines


def _way_lines(way: Way) -> list[str]:
    target = f"→\u00a0{way.target}" if way.target else "✓"  # the arrow stays with its target
    return wrap(f"{way.label} {target}".strip(), _LETTERS, subsequent_indent="  ", break_on_hyphens=False)


def _box(box: Box, place: Point, boxes: Mapping[str, Box], drawn: frozenset[Edge]) -> Iterator[str]:
    fill, line = _COLOURS[box.sort]
    left, top = place[0] - WIDTH / 2, place[1]
    thick = 3 if box.keys or box.sort != "plain" else 1.6
    yield _rect(left, top, WIDTH, _height(box), rx=9, fill=fill, stroke=line, stroke_width=thick)
    x, y = left + _PAD, top + _PAD + 12
    yield _text("t", x, y, box.name)
    yield _text("k", left + WIDTH - _PAD, y, box.kind, text_anchor="end")
    if box.keys:
        yield from _tag(f"Taste {box.keys} überall", left + WIDTH / 2, top, line)
    y += _TITLE
    for said in _said(box):
        yield _text("s", x, y, said)
        y += _LINE
    for way in box.ways:
        ink = _COLOURS[boxes[way.target].sort][1] if way.target in boxes else line
        css = "w" if (box.name, way.target) in drawn else "w b"
        for words in _way_lines(way):
            yield _text(css, x, y, words, style=f"fill:{ink}")
            y += _LINE


def _tag(text: str, x: float, y: float, colour: str) -> Iterator[str]:
    width = len(text) * 7.0 + 16
    yield _rect(x - width / 2, y - 10, width, 20, rx=10, fill=colour)
    yield _text("g", x, y + 4, text, text_anchor="middle")


def _spread(routes: Mapping[Edge, Sequence[Point]]) -> Iterator[tuple[Edge, Sequence[Point]]]:
    """Let arrows leave and enter a box side by side instead of through one point."""
    outs: dict[str, list[Edge]] = {}
    ins: dict[str, list[Edge]] = {}
    for edge in routes:
        outs.setdefault(edge[0], []).append(edge)
        ins.setdefault(edge[1], []).append(edge)
    leave = {edge: step for each in outs.values() for edge, step in _steps(each, routes, 1)}
    enter = {edge: step for each in ins.values() for edge, step in _steps(each, routes, -2)}
    for edge, route in routes.items():
        first, last = route[0], route[-1]
        yield edge, ((first[0] + leave[edge], first[1]), *route[1:-1], (last[0] + enter[edge], last[1]))


def _steps(
    edges: Sequence[Edge], routes: Mapping[Edge, Sequence[Point]], towards: int
) -> Iterator[tuple[Edge, float]]:
    gap = min(36.0, (WIDTH - 60) / len(edges))
    ordered = sorted(edges, key=lambda edge: routes[edge][towards][0])
    for index, edge in enumerate(ordered):
        yield edge, (index - (len(edges) - 1) / 2) * gap


def _arrow(route: Sequence[Point], sort: Sort) -> str:
    colour = _COLOURS[sort][1] if sort == "urgent" else "#7c8896"
    x, y = route[0]
    path = f"M{x:.1f} {y:.1f}"
    for x2, y2 in route[1:-1]:
        path += _bend(x, y, x2, y2)
        x, y = x2, y2
    x2, y2 = route[-1]
    path += _bend(x, y, x2, y2 - 9)
    head = f"M{x2 - 5:.1f} {y2 - 10:.1f}L{x2:.1f} {y2 - 1:.1f}L{x2 + 5:.1f} {y2 - 10:.1f}Z"
    return (
        f'<path d={quoteattr(path)} fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<path d={quoteattr(head)} fill="{colour}"/>'
    )


def _bend(x: float, y: float, x2: float, y2: float) -> str:
    if abs(x - x2) < 1:
        return f"L{x2:.1f} {y2:.1f}"
    middle = max((y2 - y) / 2, GAP_Y / 3)
    return f"C{x:.1f} {y + middle:.1f} {x2:.1f} {y2 - middle:.1f} {x2:.1f} {y2:.1f}"
