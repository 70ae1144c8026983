"""`rufweiche render` and `rufweiche numbers`: what a practice's administrator sees and gets."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callflow.cli import app

ROOT = Path(__file__).parents[2]
LINES = """lines:
  anlage: {kind: asterisk}
trunks:
  pbx: {kind: pbx, host: 192.0.2.10}
  amt: {kind: provider, host: sip.example, account: {username: amt}, registers: true}
  teams: {kind: teams, fqdn: sbc.praxis.example, certificate: /c/sbc.pem, key: /c/sbc.key}
destinations:
  empfang: {kind: extension, number: "100", via: pbx, teams: empfang_teams}
  empfang_teams: {kind: teams, number: "+4935112345699", via: teams}
numbers:
  "+4935112345600":
    flow: praxis
    destination: empfang
    migration: {to: teams, start: 2026-12-01, share: 50}
"""
SECRETS = {"RUFWEICHE_AMI_SECRET": "manager", "RUFWEICHE_SIP_PASSWORDS": '{"amt": "provider"}'}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    (folder / "lines.yaml").write_text(LINES)
    return folder


def run(*words: str, **env: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "160", **env})
    return done.exit_code, done.output


def test_render_writes_every_file_that_asterisk_reads(config: Path, tmp_path: Path) -> None:
    code, told = run("render", "asterisk", "--config", str(config), "--out", str(tmp_path / "out"), **SECRETS)
    written = {path.name: path for path in (tmp_path / "out").iterdir()}
    templates = {path.name.removesuffix(".j2") for path in (ROOT / "docker/asterisk").glob("*.j2")}
    assert (code, templates - set(written), len(told.split())) == (0, set(), len(written))
    assert {path.stat().st_mode & 0o007 for path in written.values()} == {0}
    assert "secret = manager" in written["manager.conf"].read_text()


def test_render_writes_every_file_that_kamailio_and_rtpengine_read(config: Path, tmp_path: Path) -> None:
    code, _ = run("render", "kamailio", "--config", str(config), "--out", str(tmp_path / "out"))
    templates = {path.name.removesuffix(".j2") for path in (ROOT / "docker/kamailio").glob("*.j2")}
    assert (code, {path.name for path in (tmp_path / "out").iterdir()}) == (0, templates)
    networks = (tmp_path / "out" / "address.list").read_text().splitlines()[2:]
    assert networks == ["1 52.112.0.0 14", "1 52.122.0.0 15"]


@pytest.mark.parametrize(
    ("what", "env", "told"),
    [
        ("asterisk", {}, "RUFWEICHE_AMI_SECRET is empty"),
        ("asterisk", {"RUFWEICHE_AMI_SECRET": "x"}, "no password for trunk amt"),
    ],
)
def test_render_says_what_is_missing_and_writes_nothing(
    what: str, env: dict[str, str], told: str, config: Path, tmp_path: Path
) -> None:
    code, said = run("render", what, "--config", str(config), "--out", str(tmp_path / "out"), **env)
    assert (code, told in said, (tmp_path / "out").exists()) == (1, True, False)


@pytest.mark.parametrize(
    ("what", "told"),
    [("asterisk", "has no line of kind asterisk"), ("kamailio", "has 0 Teams trunks")],
)
def test_the_example_practice_needs_no_rendering_and_is_told_so(what: str, told: str, tmp_path: Path) -> None:
    code, said = run("render", what, "--config", str(ROOT / "config"), "--out", str(tmp_path / "out"))
    assert (code, told in said) == (1, True)


@pytest.mark.parametrize(("at", "home"), [("2026-11-30", "pbx"), ("2026-12-01", "teams / pbx")])
def test_the_table_shows_the_plan_of_a_day(at: str, home: str, config: Path) -> None:
    code, shown = run("numbers", "--at", at, "--config", str(config))
    assert (code, "+4935112345600" in shown, f" {home} " in shown) == (0, True, True)


@pytest.mark.parametrize(
    ("right", "wrong", "place", "told"),
    [
        ("via: pbx, teams", "via: nope, teams", ":8:50", "there is no trunk 'nope'"),
        ("empfang\n    migration", "nobody\n    migration", ":13:18", "there is no destination 'nobody'"),
        ('"+4935112345600":', '"035112345600":', ":12:5", "is no E.164 number"),
        ('"+4935112345699"', '"+4935112345600"', ":9:40", "the call would come back to us"),
        ("  teams: {kind: teams", "  drop: {kind: teams", ":9:63", "there is no trunk 'teams'"),
        (", teams: empfang_teams", "", ":13:18", "needs a Teams counterpart"),
        (
            "numbers:\n",
            'numbers:\n  "+49 351 12345600": {flow: praxis, destination: empfang}\n',
            ":13:5",
            "stands twice in the plan",
        ),
        ('number: "100"', 'number: "112"', ":8:38", "is announced and never dialled"),
    ],
)
def test_the_check_names_line_and_column_of_a_defect(
    right: str, wrong: str, place: str, told: str, config: Path
) -> None:
    assert right in LINES
    (config / "lines.yaml").write_text(LINES.replace(right, wrong))
    code, said = run("numbers", "check", "--config", str(config))
    assert (code, f"lines.yaml{place}" in said, told in " ".join(said.split())) == (1, True, True), said


def test_the_check_warns_of_a_destination_that_nothing_leads_to(config: Path) -> None:
    text = LINES.replace("numbers:\n", '  labor: {number: "101", via: pbx}\nnumbers:\n')
    (config / "lines.yaml").write_text(text)
    code, said = run("numbers", "check", "--config", str(config))
    assert (code, "lines.yaml:10:10" in said, "no number leads here" in said) == (0, True, True)
