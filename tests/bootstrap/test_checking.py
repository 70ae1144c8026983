"""`rufweiche check`, `hours` and `flows` from the command line, as an admin or a workflow runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callflow.bootstrap.flows import shelf
from callflow.bootstrap.places import Options, settings
from callflow.cli import app
from tests.support.flows import ROOT


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path / "config"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_sound_configuration_is_told_so_with_what_its_text_messages_cost(config: Path) -> None:
    result = run("check", "--config", config)
    told = [line.split(":")[0] for line in result.output.splitlines()]
    assert (result.exit_code, told) == (
        0,
        [
            "Keine Fehler. So sieht die SMS aus",
            "SMS link [de]",
            "SMS link [en]",
            "SMS reply [de]",
            "SMS reply [en]",
        ],
    )


def test_all_problems_of_all_files_are_told_at_once(config: Path) -> None:
    spoil(config / "flows/praxis.yaml", "destination: empfang", "destination: nirgends")
    spoil(config / "hours.yaml", "land: SN", "land: XX")
    result = run("check", "--config", config, "--format", "json")
    assert result.exit_code == 1
    assert [problem["code"] for problem in json.loads(result.output)] == [
        "destination-unknown",
        "value-wrong",
    ]


def test_a_broken_practice_file_is_told_in_the_wanted_format(config: Path) -> None:
    spoil(config / "practice.yaml", "practice:", "praxis:")
    result = run("check", "--config", config, "--format", "github", "-l", "en")
    assert result.exit_code == 1
    assert all(line.startswith("::error file=") for line in result.output.splitlines())


@pytest.mark.parametrize("practice", ["einzelpraxis", "mvz", "kinderpraxis"])
def test_an_example_is_checked_in_its_own_surroundings_without_copying(
    practice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUFWEICHE_AMI_SECRET", "geheim")
    monkeypatch.setenv("RUFWEICHE_SIP_PASSWORDS", '{"provider": "geheim", "anlage": "geheim"}')
    result = run("check", ROOT / "config/examples" / practice)
    assert (result.exit_code, result.output) == (0, "")


def test_one_flow_of_an_example_is_checked_in_its_own_surroundings() -> None:
    result = run("check", ROOT / "config/examples/mvz/flows/innere.yaml")
    assert (result.exit_code, result.output) == (0, "")


def test_a_file_that_is_not_there_is_one_clear_error(config: Path) -> None:
    result = run("check", config / "flows/fehlt.yaml")
    assert result.exit_code == 1
    assert "file-unreadable" in result.output


def test_a_fault_in_a_form_is_told_with_the_rest(config: Path) -> None:
    spoil(config / "forms/rezept.yaml", "kind: long", "kind: lang")
    spoil(config / "hours.yaml", "land: SN", "land: XX")
    result = run("check", "--config", config, "--format", "json")
    assert (result.exit_code, [entry["file"].split("/")[-1] for entry in json.loads(result.output)]) == (
        1,
        ["rezept.yaml", "hours.yaml"],
    )
    alone = run("check", config / "forms", "--format", "json")
    assert [entry["line"] for entry in json.loads(alone.output)] == [9]


def test_hours_are_printed_as_callers_meet_them(config: Path) -> None:
    result = run("hours", "--from", "2026-12-24", "--to", "2026-12-25", "--config", config, "-l", "en")
    assert result.output.splitlines() == [
        "praxis",
        f"Th 2026-12-24  {'holiday':<26} Christmas Eve | 116117 07:00-07:00",
        f"Fr 2026-12-25  {'holiday':<26} Christmas Day | 116117 07:00-07:00",
    ]


def test_versions_are_listed_and_rolled_back(config: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    house = settings(Options(data, config, ROOT / "ivr_prompts"))
    first = shelf(house).of_number("").version
    spoil(config / "flows/praxis.yaml", "prompt: goodbye", "text: Auf Wiedersehen.")
    second = shelf(house).of_number("").version
    result = run(
        "flows", "praxis", "--data", data, "--config", config, "--rollback", first, "--author", "chefin"
    )
    lines = result.output.splitlines()
    assert lines[0] == f"praxis: {first}"
    assert [line.split()[-3:] for line in lines[1:]] == [
        [first, "published", "config/flows"],
        [second, "published", "config/flows"],
        [first, "rolled_back", "chefin"],
    ]
    assert shelf(house).of_number("").version == first


def test_a_rollback_to_a_version_that_never_was_is_told_in_words(config: Path, tmp_path: Path) -> None:
    result = run("flows", "praxis", "--data", tmp_path / "data", "--config", config, "--rollback", "abc")
    assert result.exit_code == 1


def test_a_provider_without_an_account_is_a_warning(config: Path) -> None:
    practice = config / "practice.yaml"
    practice.write_text(practice.read_text(encoding="utf-8").replace("[auto]", "[twilio]"), encoding="utf-8")
    result = run("check", "--config", config)
    assert (result.exit_code, "[sms-account]" in result.output) == (0, True), result.output


def test_what_the_number_plan_could_do_better_is_a_warning(config: Path) -> None:
    named = "trunks:\n  anlage: {kind: pbx, host: pbx.praxis.example}\n\ndestinations:"
    spoil(config / "lines.yaml", "destinations:", named)
    spoil(config / "lines.yaml", "    port: 5060\n", "    port: 5060\n    trunks: [anlage]\n")
    result = run("check", "--config", config)
    first, *_, last = result.output.splitlines()
    assert (result.exit_code, "lines.yaml:11:3: Warnung: Anrufe von pbx.praxis.example" in first) == (0, True)
    assert (first.endswith("[plan-warning]"), last.startswith("SMS reply [en]")) == (True, True)


def test_broken_certificates_hide_no_other_fault(config: Path) -> None:
    spoil(config / "flows/praxis.yaml", "destination: empfang", "destination: nirgends")
    spoil(config / "lines.yaml", "    port: 5060\n", "    tls_port: 5061\n    certificate: weg.pem\n")
    result = run("check", "--config", config, "--format", "json")
    codes = [problem["code"] for problem in json.loads(result.output)]
    assert (result.exit_code, codes) == (1, ["destination-unknown", "plan-fault"])


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)])
def test_a_file_of_passwords_that_everybody_can_read_is_a_warning(
    mode: int, *, told: bool, config: Path
) -> None:
    env = config / ".env"
    env.write_text("", encoding="utf-8")
    env.chmod(mode)
    result = run("check", "--config", config)
    assert (result.exit_code, ".env:1:1: Warnung: " in result.output) == (0, told)


TRUNKS = """lines:
  telefon: {kind: LINE, trunks: [box]}
trunks:
  box:
    kind: pbx
    host: fritz.box
    account: {username: "620"}
    registers: true
  unused: {kind: pbx, host: 192.0.2.9, account: {username: "9"}}
numbers:
  "+4935112345600": {flow: praxis, destination: empfang}
destinations:
  empfang: {number: "100", via: box}
"""
MANAGED = TRUNKS.replace("LINE, trunks: [box]", "asterisk").replace("  unused:", "  second:")


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "de",
            (
                "Für „box“ fehlt das Passwort.",
                'In config/.env gehört: RUFWEICHE_SIP_PASSWORDS={"box": "..."}',
            ),
        ),
        (
            "en",
            ("There is no password for `box`.", 'config/.env needs: RUFWEICHE_SIP_PASSWORDS={"box": "..."}'),
        ),
    ],
)
def test_a_trunk_without_its_password_is_a_warning_with_the_line_to_write(
    language: str, told: tuple[str, ...], config: Path
) -> None:
    (config / "lines.yaml").write_text(TRUNKS.replace("LINE", "embedded"), encoding="utf-8")
    result = run("check", "--config", config, "--language", language)
    places = [line for line in result.output.splitlines() if "[secret-missing]" in line]
    assert (result.exit_code, len(places), "lines.yaml:7:5" in places[0]) == (0, 1, True), result.output
    assert [words for words in told if words not in result.output] == []


def test_trunks_whose_passwords_are_there_are_not_named_and_no_password_is_told(config: Path) -> None:
    (config / "lines.yaml").write_text(MANAGED, encoding="utf-8")
    (config / ".env").write_text(
        'RUFWEICHE_SIP_PASSWORDS={"box": "streng-geheim", "second": ""}\n', encoding="utf-8"
    )
    result = run("check", "--config", config, "--language", "en")
    named = [name for name in ("box", "second", "telefon") if f"no password for `{name}`" in result.output]
    assert (result.exit_code, named, "streng-geheim" in result.output) == (0, ["second", "telefon"], False)
    assert "RUFWEICHE_AMI_SECRET=..." in result.output
