"""Every golden call goes as it is written.

Those that a practice starts with lie in config/calls/ and config/examples/<practice>/calls/, where
`rufweiche simulate --all` runs them: together they go every way there is. Those in this folder are variations
that only we need. A call lies in one of the two.
"""

from functools import cache
from pathlib import Path

import pytest

from callflow.engine.walker import coverage
from callflow.golden import Run, read_case, rehearse, written
from tests.support.flows import calendars, flow_of, golden_calls, practice_folder, surroundings

PRACTICES = ("einzelpraxis", "kinderpraxis", "mvz", "praxis")
OURS = Path(__file__).parent
THEIRS = {name: sorted((practice_folder(name) / "calls").glob("*.yaml")) for name in PRACTICES}
CALLS = [(name, path) for name in PRACTICES for path in golden_calls(name)]
FLOWS = sorted({(name, read_case(path).flow) for name, path in CALLS})


def of(name: str) -> list[Path]:
    return [path for practice, path in CALLS if practice == name]


@cache
def ran(practice: str, path: Path) -> Run:
    case = read_case(path)
    return rehearse(flow_of(practice, case.flow), calendars(practice), case)


each_call = pytest.mark.parametrize(
    ("practice", "path"), CALLS, ids=[f"{name}/{path.stem}" for name, path in CALLS]
)


@each_call
def test_the_call_goes_as_written(practice: str, path: Path) -> None:
    assert ran(practice, path).faults == []


@each_call
def test_a_written_case_reads_as_itself(practice: str, path: Path, tmp_path: Path) -> None:
    del practice
    again = tmp_path / "case.yaml"
    again.write_text(written(read_case(path)), encoding="utf-8")
    assert read_case(again) == read_case(path)


def test_a_call_that_goes_differently_is_told_from_the_written_one() -> None:
    case = read_case(practice_folder("praxis") / "calls/rezept-vom-handy.yaml")
    withheld = case.model_copy(update={"number": "withheld"})
    faults = rehearse(flow_of("praxis", "praxis"), calendars("praxis"), withheld).faults
    assert faults == ["scene 3: hears 'link_offer_typing' instead of 'link_offer' (at anliegen)"]


def test_no_golden_call_is_kept_twice() -> None:
    told = [(name, read_case(path).model_copy(update={"call": ""})) for name, path in CALLS]
    assert [pair for index, pair in enumerate(told) if pair in told[:index]] == []


def test_there_are_enough_golden_calls_for_four_practices() -> None:
    assert sorted(path.name for path in OURS.iterdir() if path.is_dir() and "__" not in path.name) == sorted(
        PRACTICES
    )
    assert len(CALLS) - sum(map(len, THEIRS.values())) >= 40
    assert min(map(len, THEIRS.values())) >= 10


@pytest.mark.parametrize("practice", PRACTICES)
def test_the_golden_calls_that_a_practice_starts_with_go_every_way(practice: str) -> None:
    passed = [way for path in THEIRS[practice] for way in ran(practice, path).passed]
    flows = [flow_of(practice, name) for owner, name in FLOWS if owner == practice]
    assert sorted({way for flow in flows for way in coverage(flow, passed).missed}) == []


def test_the_large_practice_has_a_golden_call_for_each_of_its_five_numbers() -> None:
    assert len({read_case(path).flow for path in THEIRS["mvz"]}) == 5


@pytest.mark.parametrize(("practice", "name"), FLOWS, ids=lambda value: value)
def test_every_prompt_of_a_golden_call_exists(practice: str, name: str) -> None:
    prompts = surroundings(practice).prompts
    for path in of(practice):
        if read_case(path).flow == name:
            for effect in ran(practice, path).heard:
                for prompt in effect.spoken:
                    assert prompt.text or prompts.text(prompt.name, prompt.language) is not None
