"""Who is visited when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sip.media.rounds import Rounds

MOMENTS = 100


@given(st.integers(1, 600), st.integers(2, 5))
def test_everybody_is_visited_once_a_round_in_the_same_order(there: int, rounds: int) -> None:
    visits: Rounds[int] = Rounds(MOMENTS, together=8)
    for one in range(there):
        visits.add(one)
    visited = [one for _ in range(rounds * MOMENTS) for one in visits.due()]
    missing = rounds * there - len(visited)
    assert 0 <= missing < min(8, there)
    assert visited == [number % there for number in range(len(visited))]


def test_a_few_are_visited_at_one_moment_and_many_evenly() -> None:
    at_once = {}
    for there in (1, 5, 100, 2000):
        visits: Rounds[int] = Rounds(MOMENTS, together=8)
        for one in range(there):
            visits.add(one)
        moments = [len(visits.due()) for _ in range(MOMENTS)]
        at_once[there] = (moments.count(0), set(moments) - {0})
    assert at_once == {1: (99, {1}), 5: (99, {5}), 100: (88, {8}), 2000: (0, {20})}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=60))
def test_who_came_and_left_in_between_confuses_nobody(changes: list[tuple[bool, int]]) -> None:
    visits: Rounds[int] = Rounds(3, together=2)
    there: set[int] = set()
    for comes, who in changes:
        (visits.add if comes else visits.discard)(who)
        (there.add if comes else there.discard)(who)
        due = visits.due()
        assert (set(due) <= there, len(due) == len(set(due))) == (True, True)
        assert (set(visits), len(visits)) == (there, len(there))
