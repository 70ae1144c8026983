"""A file that only a start reads is told when it is changed while the house runs; moved numbers need none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from callflow.bootstrap import first_run, in_force
from callflow.bootstrap.app import build
from callflow.bootstrap.flows import Shelf, shelf
from callflow.bootstrap.line import Announcements, config_path, embedded_lines, line_config
from callflow.bootstrap.places import Options
from callflow.plan import Plan
from sip.line_config import LineConfig
from tests.support.flows import ROOT

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
NUMBER = "+4935112345600"
SOUND = [
    ("practice.yaml", "urgent_minutes: 15", "urgent_minutes: 20"),
    ("lines.yaml", "label: Empfang", "label: Anmeldung"),
    ("lines.yaml", "aliases: [praxis]", "aliases: [praxis, labor]"),
    ("lines.yaml", "port: 5060", "port: 5064"),
    ("forms/rezept.yaml", "title: Folgerezept", "title: Rezept"),
]
PLAN: dict[str, Any] = {
    "lines": {"telefon": {"kind": "embedded"}},
    "destinations": {
        "empfang": {"uri": "sip:100@127.0.0.1:5070"},
        "labor": {"uri": "sip:101@127.0.0.1:5070"},
    },
    "numbers": {
        NUMBER: {"flow": "praxis", "destination": "empfang", "aliases": ["praxis"]},
        "+4935112345601": {"flow": "praxis", "destination": "labor"},
    },
}
TEAMS = {
    "kind": "teams",
    "fqdn": "sbc.praxis.example",
    "certificate": "/c/sbc.pem",
    "key": "/c/key",
    "listen": "192.0.2.2:5061",
}
HYBRID: dict[str, Any] = {
    "lines": {"anlage": {"kind": "asterisk"}},
    "trunks": {"pbx": {"kind": "pbx", "host": "192.0.2.10"}, "teams": TEAMS},
    "destinations": {
        "empfang": {"number": "100", "via": "pbx", "teams": "team"},
        "labor": {"number": "101", "via": "pbx", "teams": "team"},
        "team": {"kind": "teams", "number": "+4935112345699", "via": "teams"},
    },
    "numbers": PLAN["numbers"],
}
MOVE = {"to": "teams", "start": "2026-11-23", "share": 40}


@pytest.fixture
def options(tmp_path: Path) -> Options:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return Options(tmp_path / "data", tmp_path / "config", ROOT / "ivr_prompts")


def started(options: Options) -> Shelf:
    """Start as `serve` and its app do."""
    in_force.settings(options)
    return again(options)


def again(options: Options) -> Shelf:
    """Start as an app does that comes back beside lines that ran on."""
    return shelf(*in_force.standing(options))


def change(options: Options, file: str, old: str, new: str) -> Callable[[], None]:
    """Change a file; returns what changes it back."""
    path = options.config_folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return lambda: path.write_text(text, encoding="utf-8") and None


def plan_of(base: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return a plan with the first number changed."""
    entry = {**base["numbers"][NUMBER], **changes}
    return {**base, "numbers": {**base["numbers"], NUMBER: entry}}


def write(options: Options, plan: dict[str, Any]) -> None:
    (options.config_folder / "lines.yaml").write_text(json.dumps(plan), encoding="utf-8")  # JSON is YAML


def looked(flows: Shelf) -> list[tuple[str, list[str]]]:
    """Refresh; return what was logged, with the files it names."""
    with capture_logs() as logs:
        flows.refresh(AT)
    return [(entry["event"], entry.get("files", [])) for entry in logs]


def told(flows: Shelf) -> list[tuple[str, str, str]]:
    return [(problem.file, problem.code, problem.severity) for problem in flows.problems()]


@pytest.mark.parametrize(("file", "old", "new"), SOUND)
def test_a_sound_change_is_told_by_its_file_and_logged_once(
    options: Options, file: str, old: str, new: str
) -> None:
    flows = started(options)
    assert looked(flows) == []
    back = change(options, file, old, new)
    assert looked(flows) == [("restart to put it in force", [file])]
    assert told(flows) == [(file, "restart-needed", "warning")]
    assert looked(flows) == []
    back()
    assert looked(flows) == []
    assert told(flows) == []


def test_a_comment_changes_nothing(options: Options) -> None:
    flows = started(options)
    for file in ("practice.yaml", "lines.yaml", "forms/rezept.yaml"):
        change(options, file, "\n", "\n# Umzug im Mai\n")
    assert (looked(flows), told(flows)) == ([], [])


def test_a_new_form_and_changed_secrets_need_a_restart_too(options: Options) -> None:
    flows = started(options)
    shutil.copy(
        options.config_folder / "forms" / "rezept.yaml", options.config_folder / "forms" / "arznei.yaml"
    )
    (options.config_folder / ".env").write_text("RUFWEICHE_TWILIO_AUTH_TOKEN=geheim\n", encoding="utf-8")
    files = ["forms/arznei.yaml", ".env"]
    assert looked(flows) == [("restart to put it in force", files)]
    assert sorted(file for file, *_ in told(flows)) == sorted(files)


def test_a_file_that_breaks_while_the_house_runs_is_told_once_and_the_mended_one_waits(
    options: Options,
) -> None:
    flows = started(options)
    change(options, "practice.yaml", "urgent_minutes: 15", "urgent_minutes: bald")
    assert looked(flows) == [("configuration refused", [])]
    assert [(file, severity) for file, _, severity in told(flows)] == [("practice.yaml", "error")]
    assert looked(flows) == []
    change(options, "practice.yaml", "urgent_minutes: bald", "urgent_minutes: 20")
    assert looked(flows) == [("restart to put it in force", ["practice.yaml"])]
    assert told(flows) == [("practice.yaml", "restart-needed", "warning")]


def test_an_app_that_comes_back_stands_on_what_its_lines_run_on(options: Options) -> None:
    started(options)
    change(options, "practice.yaml", "urgent_minutes: 15", "urgent_minutes: 20")
    back = again(options)
    assert back.settings.practice.inbox.urgent_minutes == 15
    assert told(back) == [("practice.yaml", "restart-needed", "warning")]
    after = started(options)
    assert (after.settings.practice.inbox.urgent_minutes, told(after)) == (20, [])


def test_beside_a_file_that_broke_later_a_start_is_on_what_was_last_in_force(options: Options) -> None:
    started(options)
    change(options, "practice.yaml", "urgent_minutes: 15", "urgent_minutes: 20")
    change(options, "lines.yaml", "\n", "\n\tx: 1\n")
    after = started(options)
    assert after.settings.practice.inbox.urgent_minutes == 15
    assert [(file, severity) for file, _, severity in told(after)] == [("lines.yaml", "error")]


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        (PLAN, {"destination": "labor"}),
        (HYBRID, {"migration": MOVE}),
        (plan_of(HYBRID, migration=MOVE), {"migration": MOVE | {"share": 80, "fallback": False}}),
        (plan_of(HYBRID, migration=MOVE), {"migration": None}),
    ],
    ids=["destination", "move", "larger share", "back"],
)
def test_a_number_moves_while_the_house_runs_and_stays_there_after_a_crash(
    options: Options, base: dict[str, Any], changes: dict[str, object]
) -> None:
    write(options, base)
    flows, plans = started(options), list[Plan]()
    flows.renumbered = plans.append
    moved = plan_of(base, **changes)
    write(options, moved)
    assert looked(flows) == [("numbers in force", [])]
    assert (told(flows), plans) == ([], [Plan.model_validate(moved)])
    assert looked(flows) == []
    change(options, "lines.yaml", "{", "\t{")
    assert again(options).settings.plan == Plan.model_validate(moved)


@pytest.mark.parametrize("changes", [{"home": "teams"}, {"destination": "labor"}], ids=str)
def test_beside_an_asterisk_what_its_dialplan_holds_waits_for_a_restart(
    options: Options, changes: dict[str, object]
) -> None:
    write(options, HYBRID)
    flows = started(options)
    write(options, plan_of(HYBRID, **changes))
    assert looked(flows) == [("restart to put it in force", ["lines.yaml"])]
    assert flows.settings.plan == Plan.model_validate(HYBRID)


def test_a_number_with_another_flow_reaches_it_and_calls_under_way_keep_theirs(options: Options) -> None:
    write(options, PLAN)
    flows = started(options)
    before = flows.of_number(NUMBER)
    folder = options.config_folder / "flows"
    sound = (folder / "praxis.yaml").read_text(encoding="utf-8").replace("flow: praxis", "flow: labor")
    (folder / "labor.yaml").write_text(sound.replace("prompt: goodbye", "prompt: nie"), encoding="utf-8")
    write(options, plan_of(PLAN, flow="labor"))
    assert looked(flows) == [("numbers not in force", [])]
    assert {(file, severity) for file, _, severity in told(flows)} == {("flows/labor.yaml", "error")}
    assert (flows.of_number(NUMBER), looked(flows)) == (before, [])
    (folder / "labor.yaml").write_text(sound, encoding="utf-8")
    assert looked(flows) == [("numbers in force", [])]
    assert told(flows) == []
    assert (flows.of_number(NUMBER).name, flows.of_number("+4935112345601")) == ("labor", before)
    assert flows.of_version("praxis", before.version) == before


def test_a_move_waits_with_what_else_has_changed_in_its_file(options: Options) -> None:
    write(options, PLAN)
    flows = started(options)
    moved = plan_of(PLAN, destination="labor")
    write(options, {**moved, "lines": {"telefon": {"kind": "embedded", "port": 5064}}})
    assert looked(flows) == [("restart to put it in force", ["lines.yaml"])]
    assert flows.settings.plan == Plan.model_validate(PLAN)
    write(options, moved)
    assert looked(flows) == [("numbers in force", [])]
    assert told(flows) == []


def test_a_move_is_taken_over_beside_a_practice_that_waits(options: Options) -> None:
    write(options, PLAN)
    flows = started(options)
    change(options, "practice.yaml", "urgent_minutes: 15", "urgent_minutes: 20")
    write(options, plan_of(PLAN, destination="labor"))
    assert looked(flows) == [("restart to put it in force", ["practice.yaml"]), ("numbers in force", [])]
    assert told(flows) == [("practice.yaml", "restart-needed", "warning")]
    back = again(options).settings
    assert (back.plan.numbers[NUMBER].destination, back.practice.inbox.urgent_minutes) == ("labor", 15)


def test_an_app_that_was_away_while_a_number_moved_takes_it_over_at_its_start(options: Options) -> None:
    write(options, PLAN)
    first_run.folders(started(options).settings.data)
    write(options, plan_of(PLAN, destination="labor"))
    rooms = build(*in_force.standing(options))
    try:
        assert rooms.flows.settings.plan.numbers[NUMBER].destination == "labor"
        assert rooms.flows.problems() == ()
    finally:
        rooms.store.close()


def test_our_lines_learn_who_gets_the_calls_of_a_moved_number_while_the_app_is_away(options: Options) -> None:
    write(options, PLAN)
    flows = started(options)
    (name, line), *_ = embedded_lines(flows.settings.plan).items()
    path, spoken = config_path(flows.settings.data, name), Announcements("a", "b")
    path.parent.mkdir()
    line_config(flows.settings, name, line, spoken).save(path)
    write(options, plan_of(PLAN, destination="labor"))
    flows.refresh(AT)
    after = LineConfig.load(path)
    assert [did.destination for did in after.dids] == ["labor", "labor"]
    assert after == line_config(flows.settings, name, line, spoken)


def test_a_plan_that_cannot_be_written_for_the_lines_waits_for_a_restart_and_is_tried_again(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(options, PLAN)
    flows = started(options)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("callflow.bootstrap.flows.tell_lines", full)
        write(options, plan_of(PLAN, destination="labor"))
        assert looked(flows) == [("numbers not in force", [])]
        assert told(flows) == [("lines.yaml", "restart-needed", "warning")]
        assert looked(flows) == []
    assert (looked(flows), told(flows)) == ([("numbers in force", [])], [])
