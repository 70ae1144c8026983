"""docs/flows.md is true: every example runs, every kind and field is explained, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from callflow.golden import read_case, rehearse
from callflow.kinds import KINDS
from callflow.language import Surroundings, load_calendars, look
from callflow.language.json_schema import flow_schema
from callflow.language.messages import MESSAGES
from callflow.language.source import parse
from tests.calls.test_golden import CALLS, ran
from tests.engine import strategies
from tests.support.flows import ROOT, calendars, flow_of, practice_folder, surroundings

GUIDE = (ROOT / "docs/flows.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", GUIDE, re.DOTALL | re.MULTILINE))
SCHEMA = jsonschema_rs.validator_for(flow_schema())
SHARED = b"subflow: gemeinsam\nstart: a\nnodes: {a: {goto: {to: return.mensch}}}\n"


def look_at(text_of_flow: str) -> list[str]:
    around = surroundings()
    shared = Surroundings(
        around.prompts,
        around.destinations,
        around.concerns,
        around.calendars,
        around.languages,
        {"gemeinsam": SHARED},
    )
    _, problems = look(practice_folder("praxis") / "flows/doku.yaml", shared, text_of_flow.encode())
    return [f"{problem.line}: {problem.message('en')}" for problem in problems if problem.severity == "error"]


def example(kind: str) -> tuple[str, dict[str, object]]:
    (block,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[kind], re.DOTALL)
    ((name, node),) = parse(block.encode(), "docs/flows.md").data.items()
    return name, node


def whole_flow(name: str, node: dict[str, object]) -> dict[str, object]:
    """Put a node between a greeting and the nodes that examples lead to."""
    nodes: dict[str, object] = {
        "gruss": {"say": {"text": "Im Notfall wählen Sie 112.", "then": name}},
        "rueckruf": {"callback": {"then": "ende"}},
        "empfang": {"transfer": {"destination": "empfang", "otherwise": "rueckruf"}},
        "link": {"deflect": {"then": "ende", "declined": "rueckruf"}},
        "ende": {"hangup": {}},
        name: node,
    }
    keys = {"0": "empfang", "1": "rueckruf", "2": "link", "3": "ende"}
    return {
        "flow": "doku",
        "start": "gruss",
        "everywhere": {key: target for key, target in keys.items() if target in nodes},
        "variables": {
            "herkunft": {"type": "choice", "of": ["labor", "praxis"]},
            "geboren": {"type": "text"},
        },
        "nodes": nodes,
    }


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_example_of_a_kind_passes_the_checker_and_the_schema(kind: str) -> None:
    name, node = example(kind)
    assert list(node) == [kind]
    flow = whole_flow(name, node)
    assert look_at(json.dumps(flow)) == []
    assert [error.message for error in SCHEMA.iter_errors(flow)] == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_field_of_a_kind_is_explained(kind: str) -> None:
    fields = {info.alias or name for name, info in KINDS[kind].model_fields.items()}
    assert sorted(field for field in fields if f"`{field}`" not in SECTIONS[kind]) == []


def test_no_kind_is_explained_that_does_not_exist() -> None:
    assert sorted(SECTIONS) == sorted(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_golden_call_and_a_strategy(kind: str) -> None:
    visited = set()
    for practice, path in CALLS:
        flow, run = flow_of(practice, read_case(path).flow), ran(practice, path)
        visited |= {flow.nodes[state.node].word for state in run.states if state.node}
        visited |= {flow.nodes[node].word for node, _ in run.passed}
    assert kind in visited
    assert kind in strategies.KINDS


def test_the_whole_flow_of_the_guide_passes_without_a_warning() -> None:
    (flow,) = [block for block in BLOCKS if "\nflow: kleinste" in block]
    assert look_at(flow) == []
    assert list(SCHEMA.iter_errors(parse(flow.encode(), "docs").data)) == []


def test_the_variables_of_the_guide_can_be_declared() -> None:
    (block,) = [block for block in BLOCKS if block.startswith("variables:")]
    name, node = example("goto")
    flow = whole_flow(name, node) | parse(block.encode(), "docs").data
    assert look_at(json.dumps(flow)) == []


def test_the_golden_call_of_the_guide_goes_as_written(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if block.startswith("call:")]
    (tmp_path / "call.yaml").write_text(block, encoding="utf-8")
    case = read_case(tmp_path / "call.yaml")
    assert rehearse(flow_of("praxis", "praxis"), calendars(), case).faults == []


def test_the_hours_of_the_guide_are_a_calendar() -> None:
    (block,) = [block for block in BLOCKS if block.startswith("calendars:")]
    assert list(load_calendars(Path("hours.yaml"), block.encode())) == ["praxis"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"flow": "x", "nodes": {"a": {"say": {"text": "x"}}}},
        {
            "flow": "x",
            "nodes": {"a": {"menu": {"text": "x", "choices": {"12": "a"}, "no_input": "a", "no_match": "a"}}},
        },
        {"flow": "x", "nodes": {"a": {"sage": {"text": "x"}}}},
        {"flow": "x", "subflow": "y", "nodes": {"a": {"hangup": {}}}},
        {"nodes": {"a": {"hangup": {}}}},
    ],
)
def test_the_schema_refuses_what_the_checker_refuses(wrong: dict[str, object]) -> None:
    assert not SCHEMA.is_valid(wrong)
    assert look_at(json.dumps(wrong)) != []


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_problem_says_what_why_and_how_in_german_and_english(code: str) -> None:
    for language in ("de", "en"):
        words = MESSAGES[code][language]
        assert all((words.what, words.why, words.hint))
    assert sorted(MESSAGES[code]) == ["de", "en"]
