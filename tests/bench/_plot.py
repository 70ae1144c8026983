"""A small chart with logarithmic axes, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 50, 55
FONT = 'font-family="sans-serif" font-size="13"'
COLOURS = ("#0b6e4f", "#555555", "#b3541e", "#3a5ba0")


@dataclass(frozen=True, slots=True)
class Line:
    """One named line of points (x, y), all above zero."""

    name: str
    points: tuple[tuple[float, float], ...]


def chart(title: str, x_name: str, y_name: str, lines: Sequence[Line]) -> str:
    """Return the SVG."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    across, up = _Axis(xs, LEFT, WIDTH - RIGHT), _Axis(ys, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 25, title, 'font-size="16"'),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_name, 'text-anchor="middle"'),
        _text(18, HEIGHT / 2, y_name, f'text-anchor="middle" transform="rotate(-90 18 {HEIGHT / 2})"'),
    ]
    for tick in across.ticks():
        at = across.place(tick)
        parts.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(_text(at, HEIGHT - BOTTOM + 18, f"{tick:g}", 'text-anchor="middle"'))
    for tick in up.ticks():
        at = up.place(tick)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 8, at + 4, f"{tick:g}", 'text-anchor="end"'))
    for line, colour in zip(lines, COLOURS, strict=False):
        parts += _drawn(line, colour, across, up)
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self._low, self._high = math.log10(min(values) * 0.8), math.log10(max(values) * 1.25)
        self._begin, self._end = begin, end

    def place(self, value: float) -> float:
        part = (math.log10(value) - self._low) / (self._high - self._low)
        return self._begin + part * (self._end - self._begin)

    def ticks(self) -> list[float]:
        decades = range(math.floor(self._low), math.ceil(self._high) + 1)
        values = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
        return [value for value in values if self._low <= math.log10(value) <= self._high]


def _drawn(line: Line, colour: str, across: _Axis, up: _Axis) -> list[str]:
    places = [(across.place(x), up.place(y)) for x, y in line.points]
    if not places:
        return []
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    end_x, end_y = places[-1]
    name = _text(end_x + 8, end_y + 4, line.name, f'fill="{colour}"')
    return [f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots, name]


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'
