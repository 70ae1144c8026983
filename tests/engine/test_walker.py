"""The walker goes every way through a flow, and coverage tells what nobody went."""

from __future__ import annotations

from callflow.engine.walker import coverage, passes, plain, walk
from tests.support.flows import flow_of


def test_the_walker_goes_every_way_of_the_example_practice() -> None:
    flow = flow_of("praxis", "praxis")
    gone = {plain(way) for taken in walk(flow) for way in passes(taken.effects)}
    assert sorted(coverage(flow, gone).missed) == []


def test_coverage_names_what_no_call_visited() -> None:
    flow = flow_of("praxis", "praxis")
    found = coverage(flow, [("begruessung", "then"), ("sprechzeit", "open")])
    assert "begruessung" not in found.nodes_missed
    assert "besetzt" in found.nodes_missed
    assert ("sprechzeit", "closed") in found.missed
    assert ("", "key 9") in found.missed
