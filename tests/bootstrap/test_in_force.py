"""A house that ran before starts beside broken files on what was last in force, and says what is broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callflow.bootstrap import in_force
from callflow.bootstrap.flows import Shelf, shelf
from callflow.bootstrap.places import Options
from callflow.language import FlowErrors
from callflow.language.problems import Problem
from tests.support.flows import ROOT

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
NUMBER = "+4935112345600"
BROKEN = "\n\tx: 1"


@pytest.fixture
def options(tmp_path: Path) -> Options:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return Options(tmp_path / "data", tmp_path / "config", ROOT / "ivr_prompts")


def start(options: Options) -> Shelf:
    """Start as the app does."""
    return shelf(*in_force.settings(options))


def spoil(options: Options, file: str, more: str = BROKEN) -> Callable[[], None]:
    """Break a file at its end; returns what mends it."""
    path = options.config_folder / file
    text = path.read_text(encoding="utf-8")
    path.write_text(text + more, encoding="utf-8")
    return lambda: path.write_text(text, encoding="utf-8") and None


def change(options: Options, file: str, old: str, new: str) -> None:
    path = options.config_folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def places(problems: tuple[Problem, ...]) -> set[str]:
    return {problem.file for problem in problems}


EVERY = ["flows/praxis.yaml", "hours.yaml", "practice.yaml", "lines.yaml", "forms/rezept.yaml"]


@pytest.mark.parametrize("file", EVERY)
def test_a_broken_file_that_never_was_in_force_stops_the_start(options: Options, file: str) -> None:
    spoil(options, file)
    with pytest.raises(FlowErrors) as fault:
        start(options)
    assert places(fault.value.problems) == {str(options.config_folder / file)}


@pytest.mark.parametrize("file", EVERY)
def test_a_house_that_ran_before_starts_on_what_was_in_force_and_names_the_place(
    options: Options, file: str
) -> None:
    before = start(options).of_number(NUMBER)
    spoil(options, file)
    with capture_logs() as logs:
        after = start(options)
    assert after.of_number(NUMBER) == before
    (problem,) = after.problems()
    last = (options.config_folder / file).read_text(encoding="utf-8").count("\n") + 1
    assert (problem.file, problem.line) == (file, last)
    (told,) = [entry for entry in logs if entry["event"] == "started on what was last in force"]
    assert told["log_level"] == "error"
    assert [f"{file}:{last}:" in line for line in told["problems"]] == [True]


@pytest.mark.parametrize("file", ["flows/praxis.yaml", "hours.yaml"])
def test_a_mended_file_comes_into_force_without_a_restart(options: Options, file: str) -> None:
    start(options)
    mend = spoil(options, file)
    flows = start(options)
    mend()
    flows.refresh(AT)
    assert flows.problems() == ()


def test_a_mended_and_changed_flow_is_the_one_that_calls_hear(options: Options) -> None:
    before = start(options).of_number(NUMBER)
    mend = spoil(options, "flows/praxis.yaml")
    flows = start(options)
    mend()
    change(options, "flows/praxis.yaml", "prompt: goodbye", "text: Auf Wiedersehen.")
    flows.refresh(AT)
    assert flows.of_number(NUMBER).version != before.version
    assert flows.problems() == ()


def test_the_old_hours_count_until_the_file_is_mended(options: Options) -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert start(options).is_open(monday)
    mend = spoil(options, "hours.yaml")
    flows = start(options)
    assert [flows.is_open(monday), flows.is_open(monday - timedelta(hours=6))] == [True, False]
    mend()
    flows.refresh(AT)
    assert flows.is_open(monday)


ONLY_AT_A_START = [
    ("practice.yaml", "answer_hours: 16", "answer_hours: 6"),
    ("lines.yaml", "label: Empfang", "label: Anmeldung"),
    ("forms/rezept.yaml", "title: Folgerezept", "title: Rezept"),
]


@pytest.mark.parametrize(("file", "old", "new"), ONLY_AT_A_START)
def test_what_only_a_start_reads_asks_for_one_once_it_is_mended_and_changed(
    options: Options, file: str, old: str, new: str
) -> None:
    start(options)
    mend = spoil(options, file)
    flows = start(options)
    mend()
    flows.refresh(AT)
    assert flows.problems() == ()
    change(options, file, old, new)
    flows.refresh(AT)
    assert [(problem.file, problem.code) for problem in flows.problems()] == [(file, "restart-needed")]
    assert start(options).problems() == ()


def test_practice_lines_and_forms_are_taken_together_as_they_fitted_each_other(options: Options) -> None:
    names = in_force.settings(options)[0].practice.concerns
    change(options, "practice.yaml", "  rezept:", "  arznei:")
    spoil(options, "lines.yaml")
    assert in_force.settings(options)[0].practice.concerns == names


def test_a_flow_that_is_gone_is_told_and_the_version_in_force_answers(options: Options) -> None:
    before = start(options).of_number(NUMBER)
    (options.config_folder / "flows" / "praxis.yaml").unlink()
    flows = start(options)
    assert flows.of_number(NUMBER) == before
    assert "flows/praxis.yaml" in places(flows.problems())


def test_a_flow_that_waited_for_the_hours_it_names_comes_into_force_with_them(options: Options) -> None:
    flows = start(options)
    before = flows.of_number(NUMBER)
    change(options, "flows/praxis.yaml", "calendar: praxis", "calendar: telefon")
    flows.refresh(AT)
    assert [problem.code for problem in flows.problems()] == ["calendar-unknown"]
    assert flows.of_number(NUMBER) == before
    spoil(options, "hours.yaml", '\n  telefon: {week: {mo: ["08:00-12:00"]}}\n')
    flows.refresh(AT)
    assert flows.problems() == ()
    assert flows.of_number(NUMBER) != before


def test_no_secret_is_copied(options: Options) -> None:
    (options.config_folder / ".env").write_text("RUFWEICHE_TWILIO_AUTH_TOKEN=geheim\n", encoding="utf-8")
    start(options)
    kept = [path for path in options.data.rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if b"geheim" in path.read_bytes()] == []


def test_a_file_of_secrets_that_is_broken_stops_every_start(options: Options) -> None:
    start(options)
    (options.config_folder / ".env").write_text("RUFWEICHE_SIP_PASSWORDS={\n", encoding="utf-8")
    with pytest.raises(FlowErrors):
        start(options)


def test_a_reading_that_was_cut_short_leaves_the_one_before(options: Options) -> None:
    kept = in_force.Kept(options.data / "config" / "hours")
    kept.keep({"hours.yaml": b"a"})
    before = kept.files()
    torn = kept.folder / "0123456789abcdef"
    torn.mkdir()
    assert kept.files() == before
    kept.keep({"hours.yaml": b"b"})
    after = kept.files()
    assert after is not None
    assert (after / "hours.yaml").read_bytes() == b"b"
    assert [path for path in kept.folder.iterdir() if path.is_dir()] == [after]


def test_a_full_disk_keeps_nothing_and_stops_nothing(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(in_force, "_store", full)
    with capture_logs() as logs:
        assert in_force.settings(options)[1] == ()
    assert [entry["event"] for entry in logs] == ["configuration not kept"]
