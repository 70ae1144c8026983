"""Every golden call in this folder goes as it is written, and together they go every way there is."""

from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from callflow.engine.walker import coverage
from callflow.golden import Run, read_case, rehearse, written
from tests.support.flows import calendars, flow_of, surroundings

CALLS = sorted(Path(__file__).parent.glob("*/*.yaml"))
FLOWS = sorted({(path.parent.name, read_case(path).flow) for path in CALLS})


@cache
def ran(path: Path) -> Run:
    case = read_case(path)
    return rehearse(flow_of(path.parent.name, case.flow), calendars(path.parent.name), case)


@pytest.mark.parametrize("path", CALLS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_call_goes_as_written(path: Path) -> None:
    assert ran(path).faults == []


@pytest.mark.parametrize("path", CALLS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_written_case_reads_as_itself(path: Path, tmp_path: Path) -> None:
    again = tmp_path / "case.yaml"
    again.write_text(written(read_case(path)), encoding="utf-8")
    assert read_case(again) == read_case(path)


def test_a_call_that_goes_differently_is_told_from_the_written_one() -> None:
    path = CALLS[0].parent.parent / "praxis/rezept-vom-handy.yaml"
    case = read_case(path)
    withheld = case.model_copy(update={"number": "withheld"})
    faults = rehearse(flow_of("praxis", "praxis"), calendars("praxis"), withheld).faults
    assert faults == ["scene 3: hears 'link_offer_typing' instead of 'link_offer' (at anliegen)"]


def test_there_are_enough_golden_calls_for_four_practices() -> None:
    found = defaultdict(int)
    for path in CALLS:
        found[path.parent.name] += 1
    assert sorted(found) == ["einzelpraxis", "kinderpraxis", "mvz", "praxis"]
    assert sum(found.values()) >= 40


@pytest.mark.parametrize("practice", ["praxis", "einzelpraxis", "kinderpraxis"])
def test_the_golden_calls_of_a_practice_go_every_way(practice: str) -> None:
    (name,) = {flow for owner, flow in FLOWS if owner == practice}
    passed = [way for path in CALLS if path.parent.name == practice for way in ran(path).passed]
    assert sorted(coverage(flow_of(practice, name), passed).missed) == []


def test_the_golden_calls_of_the_large_practice_go_every_way_of_its_five_numbers() -> None:
    passed = [way for path in CALLS if path.parent.name == "mvz" for way in ran(path).passed]
    flows = [flow_of(practice, name) for practice, name in FLOWS if practice == "mvz"]
    assert len(flows) == 5
    assert sorted({way for flow in flows for way in coverage(flow, passed).missed}) == []


@pytest.mark.parametrize(("practice", "name"), FLOWS, ids=lambda value: value)
def test_every_prompt_of_a_golden_call_exists(practice: str, name: str) -> None:
    prompts = surroundings(practice).prompts
    for path in CALLS:
        if (path.parent.name, read_case(path).flow) == (practice, name):
            for effect in ran(path).heard:
                for prompt in effect.spoken:
                    assert prompt.text or prompts.text(prompt.name, prompt.language) is not None
