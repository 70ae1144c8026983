"""Boxes stand in rows, arrows run downwards, nothing overlaps."""

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from callflow.drawing.layout import GAP_X, lay_out

NAMES = [f"n{number}" for number in range(9)]
SIZES = st.fixed_dictionaries({name: st.tuples(st.floats(20, 300), st.floats(20, 200)) for name in NAMES})
EDGES = st.dictionaries(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), st.booleans(), max_size=24)


@given(SIZES, EDGES)
def test_no_box_covers_another(
    sizes: dict[str, tuple[float, float]], edges: dict[tuple[str, str], bool]
) -> None:
    places = lay_out(sizes, edges).places
    for one, other in combinations(NAMES, 2):
        (x, top), (x2, top2) = places[one], places[other]
        beside = abs(x - x2) >= (sizes[one][0] + sizes[other][0]) / 2 + GAP_X - 1e-6
        apart = top + sizes[one][1] <= top2 or top2 + sizes[other][1] <= top
        assert beside or apart


@given(SIZES, EDGES)
def test_every_arrow_runs_down_from_its_box_to_the_other(
    sizes: dict[str, tuple[float, float]], edges: dict[tuple[str, str], bool]
) -> None:
    layout = lay_out(sizes, edges)
    for (source, target), route in layout.routes.items():
        assert edges[source, target]
        assert route[0] == (layout.places[source][0], layout.places[source][1] + sizes[source][1])
        assert route[-1] == layout.places[target]
        assert [upper for upper, lower in pairwise(route) if upper[1] > lower[1]] == []


@given(SIZES, EDGES)
def test_everything_lies_on_the_sheet(
    sizes: dict[str, tuple[float, float]], edges: dict[tuple[str, str], bool]
) -> None:
    layout = lay_out(sizes, edges)
    for name, (x, top) in layout.places.items():
        assert x - sizes[name][0] / 2 >= -1e-6
        assert x + sizes[name][0] / 2 <= layout.width + 1e-6
        assert 0 <= top <= top + sizes[name][1] <= layout.height + 1e-6


def test_a_straight_flow_is_drawn_straight() -> None:
    layout = lay_out(dict.fromkeys("abc", (100, 40)), {("a", "b"): True, ("b", "c"): True})
    assert [place[0] for place in layout.places.values()] == [50, 50, 50]


def test_a_circle_keeps_the_order_of_the_file() -> None:
    layout = lay_out(dict.fromkeys("abc", (100, 40)), {("a", "b"): True, ("b", "c"): True, ("c", "a"): True})
    tops = [layout.places[name][1] for name in "abc"]
    assert tops == sorted(tops)
    assert set(layout.routes) == {("a", "b"), ("b", "c")}


def test_crossing_arrows_are_uncrossed() -> None:
    edges = {("a", "y"): True, ("b", "x"): True}
    places = lay_out(dict.fromkeys("abxy", (100, 40)), edges).places
    assert (places["a"][0] < places["b"][0]) == (places["y"][0] < places["x"][0])


def test_a_target_that_only_names_point_to_still_stands_below() -> None:
    layout = lay_out(dict.fromkeys("ab", (100, 40)), {("a", "b"): False})
    assert layout.places["a"][1] < layout.places["b"][1]
    assert dict(layout.routes) == {}
