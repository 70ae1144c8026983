"""`rufweiche render` and `rufweiche numbers`: what a practice's administrator sees and gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow.plan import Plan
from sip.render.asterisk import AsteriskSecrets, Site, render
from tests.support.plans import ROOT, run

SECRETS = {"RUFWEICHE_AMI_SECRET": "manager", "RUFWEICHE_SIP_PASSWORDS": '{"amt": "provider"}'}


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


def test_a_manager_for_a_reception_on_another_machine_is_open_to_it_over_tls_alone() -> None:
    line = {"kind": "asterisk", "host": "10.0.0.2", "tls": True, "reception": ["10.0.0.3"]}
    numbers = {"+4935112345600": {"flow": "praxis", "destination": "empfang"}}
    plan = Plan.model_validate({"lines": {"anlage": line}, "numbers": numbers})
    files = render(plan, Site(), AsteriskSecrets("secret"), ROOT / "docker" / "asterisk")
    told = [
        line
        for line in files["manager.conf"].splitlines()
        if line.startswith(("bind", "port", "tls", "permit"))
    ]
    assert told == [
        "bindaddr = 127.0.0.1",
        "port = 0",
        "tlsenable = yes",
        "tlsbindaddr = 0.0.0.0:5038",
        "tlscertfile = /etc/asterisk/manager.pem",
        "tlsprivatekey = /etc/asterisk/manager.key",
        "tlsdisablev1 = yes",
        "tlsdisablev11 = yes",
        "permit = 127.0.0.1/32",
        "permit = 10.0.0.3/32",
    ]
