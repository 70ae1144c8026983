"""A layered layout (after Sugiyama, Tagawa and Toda, 1981): boxes in rows, arrows downwards, few crossings.

Ranks by longest path with back arrows turned, dummy points where an arrow passes a row, order by barycentres,
places by least squares under the order (pool adjacent violators).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 12
GAP_X, GAP_Y = 34.0, 58.0
PASSAGE = 12.0  # width that an arrow takes in a row it passes

Edge = tuple[str, str]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies; units are those of the sizes.

    Args:
        places: box -> centre of its upper side.
        routes: arrow -> points it goes through, from box to box.
        width: of the whole.
        height: of the whole.
    """

    places: Mapping[str, Point]
    routes: Mapping[Edge, tuple[Point, ...]]
    width: float
    height: float


def lay_out(sizes: Mapping[str, Point], edges: Mapping[Edge, bool]) -> Layout:
    """Place boxes and the arrows between them; earlier boxes lie further left.

    Args:
        sizes: box -> width and height.
        edges: arrow -> whether it is drawn; one that isn't still keeps its target below its source.
    """
    ranks = _ranks(list(sizes), list(edges))
    drawn = [edge for edge, is_drawn in edges.items() if is_drawn and ranks[edge[0]] < ranks[edge[1]]]
    chains = {edge: _chain(edge, ranks) for edge in drawn}
    widths = {name: size[0] for name, size in sizes.items()}
    widths |= {point: PASSAGE for chain in chains.values() for point in chain[1:-1]}
    short = [pair for chain in chains.values() for pair in pairwise(chain)]
    rows = _ordered(_rows(ranks, chains), short)
    across = _across(rows, short, widths)
    down = _down(rows, sizes)
    places = {name: (across[name], down[rank]) for name, rank in ranks.items()}
    routes = {
        edge: _Route(chain, ranks[edge[0]], across, down).points(places, sizes)
        for edge, chain in chains.items()
    }
    width = max((across[name] + widths[name] / 2 for name in across), default=0.0)
    return Layout(places, routes, width, down[-1] - GAP_Y)


def _ranks(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Give each box its row: below all that lead to it, arrows that close a circle left out."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        after[source].append(target)
    done: list[str] = []
    back = _back_edges(names, after, done)
    ranks = dict.fromkeys(names, 0)
    for name in reversed(done):
        for target in after[name]:
            if (name, target) not in back:
                ranks[target] = max(ranks[target], ranks[name] + 1)
    return ranks


def _back_edges(names: Sequence[str], after: Mapping[str, Sequence[str]], done: list[str]) -> set[Edge]:
    """Find the arrows that close a circle; `done` receives the boxes, each after all that it leads to."""
    back: set[Edge] = set()
    state: dict[str, int] = {}
    for root in names:
        stack = [(root, iter(after[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                state[name] = 2
                done.append(name)
                stack.pop()
            elif state.get(target) == 1:
                back.add((name, target))
            elif target not in state:
                state[target] = 1
                stack.append((target, iter(after[target])))
    return back


def _chain(edge: Edge, ranks: Mapping[str, int]) -> tuple[str, ...]:
    source, target = edge
    between = (f"{source}\0{target}\0{rank}" for rank in range(ranks[source] + 1, ranks[target]))
    return (source, *between, target)


def _rows(ranks: Mapping[str, int], chains: Mapping[Edge, Sequence[str]]) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(max(ranks.values(), default=0) + 1)]
    for name, rank in ranks.items():
        rows[rank].append(name)
    for (source, _), chain in chains.items():
        for offset, point in enumerate(chain[1:-1], 1):
            rows[ranks[source] + offset].append(point)
    return rows


def _ordered(rows: list[list[str]], short: Sequence[Edge]) -> list[list[str]]:
    """Sort each row by the barycentres of its neighbours, down and up again; keep the best order seen."""
    above, below = _neighbours(short)
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        order = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for rank in order:
            fixed = {name: place for place, name in enumerate(rows[rank - 1 if down else rank + 1])}
            _sort_row(rows[rank], above if down else below, fixed)
        if (crossings := _crossings(rows, below)) < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _neighbours(short: Sequence[Edge]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for upper, lower in short:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    return above, below


def _sort_row(row: list[str], neighbours: Mapping[str, Sequence[str]], fixed: Mapping[str, int]) -> None:
    now = {name: float(place) for place, name in enumerate(row)}
    centres = {name: _mean([fixed[each] for each in neighbours.get(name, ())], now[name]) for name in row}
    row.sort(key=lambda name: (centres[name], now[name]))


def _crossings(rows: Sequence[Sequence[str]], below: Mapping[str, Sequence[str]]) -> int:
    total = 0
    for upper, lower in pairwise(rows):
        place = {name: index for index, name in enumerate(lower)}
        ends = [
            place[target] for name in upper for target in sorted(below.get(name, ()), key=place.__getitem__)
        ]
        total += sum(later < earlier for index, earlier in enumerate(ends) for later in ends[index + 1 :])
    return total


def _across(
    rows: Sequence[Sequence[str]], short: Sequence[Edge], widths: Mapping[str, float]
) -> dict[str, float]:
    """Give each box its centre: as straight below its neighbours as order and width allow."""
    above, below = _neighbours(short)
    centres: dict[str, float] = {}
    for row in rows:
        centres |= _packed(row, widths, {})
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            near = above if down else below
            wanted = {
                name: _mean([centres[each] for each in near.get(name, ())], centres[name]) for name in row
            }
            centres |= _packed(row, widths, wanted)
    left = min((centres[name] - widths[name] / 2 for name in centres), default=0.0)
    return {name: centre - left for name, centre in centres.items()}


def _packed(row: Sequence[str], widths: Mapping[str, float], wanted: Mapping[str, float]) -> dict[str, float]:
    """Place a row as near as possible to `wanted` (least squares) without overlaps."""
    offsets, offset = [], 0.0
    for index, name in enumerate(row):
        if index:
            offset += (widths[row[index - 1]] + widths[name]) / 2 + GAP_X
        offsets.append(offset)
    goals = [wanted.get(name, offsets[index]) - offsets[index] for index, name in enumerate(row)]
    return {
        name: place + offsets[index]
        for index, (name, place) in enumerate(zip(row, _rising(goals), strict=True))
    }


def _rising(goals: Sequence[float]) -> list[float]:
    """Return the rising sequence nearest to `goals`: neighbours out of order share their mean."""
    pools: list[tuple[float, int]] = []
    for goal in goals:
        mean, size = goal, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    return [mean for mean, size in pools for _ in range(size)]


def _down(rows: Sequence[Sequence[str]], sizes: Mapping[str, Point]) -> list[float]:
    tops, top = [], 0.0
    for row in rows:
        tops.append(top)
        top += max((sizes[name][1] for name in row if name in sizes), default=0.0) + GAP_Y
    return [*tops, top]


@dataclass(frozen=True, slots=True)
class _Route:
    """An arrow: its chain of box, points and box, beginning in row `first`."""

    chain: Sequence[str]
    first: int
    across: Mapping[str, float]
    down: Sequence[float]

    def points(self, places: Mapping[str, Point], sizes: Mapping[str, Point]) -> tuple[Point, ...]:
        """Return the way out of the box, straight through each row between, into the other box."""
        x, top = places[self.chain[0]]
        through = (
            (self.across[point], edge)
            for rank, point in enumerate(self.chain[1:-1], self.first + 1)
            for edge in (self.down[rank], self.down[rank + 1] - GAP_Y)
        )
        return ((x, top + sizes[self.chain[0]][1]), *through, places[self.chain[-1]])


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
