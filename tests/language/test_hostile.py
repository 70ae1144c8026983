"""Whatever a file holds, the answer is problems with places, soon and in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callflow.language import FlowErrors, load_calendars, look
from callflow.language.source import parse
from tests.language.hostile import CORPUS
from tests.support.flows import ROOT, surroundings

AROUND = surroundings()
PATH = Path("test.yaml")
PRACTICE = (ROOT / "config/flows/praxis.yaml").read_bytes()
HOURS = (ROOT / "config/hours.yaml").read_bytes()
slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_a_hostile_file_is_refused_with_its_problem(name: str) -> None:
    raw, code = CORPUS[name]
    flow, problems = look(PATH, AROUND, raw)
    assert flow is None
    assert code in {problem.code for problem in problems}
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
    assert len(problems) <= 5


def test_the_whole_corpus_is_read_within_200_megabytes() -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_DATA, (200 * 2**20,) * 2)"
    code = f"{limited}; import sys; from tests.language.hostile import main; sys.exit(main())"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (ran.returncode, "wrong: []" in ran.stdout) == (0, True), ran.stdout + ran.stderr


def answered(raw: bytes) -> None:
    """Look at a file: whatever it is, there is an answer and every word of it can be said."""
    flow, problems = look(PATH, AROUND, raw)
    assert flow is not None or problems
    for problem in problems:
        for language in ("de", "en"):
            assert problem.message(language)
            assert problem.hint(language)


@slow
@given(st.binary(max_size=2000))
def test_any_bytes_are_answered(raw: bytes) -> None:
    answered(raw)


@slow
@given(st.text(alphabet=st.sampled_from("abc:- \n\t{}[]\"'#&*!|>%@`?,01~"), max_size=300))
def test_anything_that_looks_like_yaml_is_answered(text: str) -> None:
    answered(text.encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@slow
@given(JSON)
def test_any_data_in_the_place_of_any_part_is_answered(data: object) -> None:
    for whole in (
        data,
        {"flow": "x", "start": "a", "nodes": data},
        {"flow": "x", "start": "a", "nodes": {"a": data}},
        {"flow": "x", "start": "a", "nodes": {"a": {"menu": data}}},
        {"flow": "x", "start": "a", "nodes": {"a": {"say": {"text": "112.", "then": data}}}},
        {"flow": data, "start": "a", "everywhere": data, "variables": data, "include": data, "nodes": {}},
    ):
        answered(json.dumps(whole).encode())


@slow
@given(st.data())
def test_the_example_practice_with_any_piece_changed_is_answered(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(PRACTICE)))
    end = data.draw(st.integers(start, min(len(PRACTICE), start + 40)))
    answered(PRACTICE[:start] + data.draw(st.binary(max_size=12)) + PRACTICE[end:])


@slow
@given(st.data())
def test_hours_with_any_piece_changed_are_calendars_or_problems(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(HOURS)))
    end = data.draw(st.integers(start, min(len(HOURS), start + 20)))
    piece = data.draw(st.text("0123456789:-[]{}\"' abmo\n", max_size=10)).encode()
    with suppress(FlowErrors):
        assert load_calendars(PATH, HOURS[:start] + piece + HOURS[end:])


WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff\ufeff"), max_size=15
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(WORDS, PLAIN, max_size=4))
def test_what_is_read_is_what_was_written(data: object) -> None:
    assert parse(json.dumps(data, ensure_ascii=False).encode(), "x").data == data


def test_half_a_character_is_refused() -> None:
    with pytest.raises(FlowErrors) as refusal:
        parse(b'flow: "\\ud800"', "x")
    assert [problem.code for problem in refusal.value.problems] == ["file-encoding"]
