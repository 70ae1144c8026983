"""`rufweiche check` and `serve` look at the certificates of lines.yaml before anything is started."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callflow.bootstrap.certificates import check
from callflow.bootstrap.line import Announcements, line_config
from callflow.bootstrap.places import Options, settings
from callflow.cli import app
from callflow.language import FlowErrors
from callflow.plan import EmbeddedLine
from sip.signalling.phone_settings import Listen
from tests.support.certificates import Authority, Pair
from tests.support.flows import ROOT

TLS = "    port: 5060\n    tls_port: 5061\n    certificate: tls/cert.pem\n    key: tls/key.pem\n"


@pytest.fixture(scope="module")
def pair() -> Pair:
    return Authority().pair("sip.praxis.example")


@pytest.fixture
def config(tmp_path: Path, pair: Pair) -> Path:
    """The example practice with TLS."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    (folder / "tls").mkdir()
    (folder / "tls/cert.pem").write_text(pair.certificate)
    (folder / "tls/key.pem").write_text(pair.key)
    change(folder, "    port: 5060\n", TLS)
    return folder


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "lines.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def line_of(folder: Path, text: str) -> int:
    lines = (folder / "lines.yaml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def told(folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", "--config", str(folder)])
    return result.exit_code, result.output


def test_the_line_listens_on_udp_tcp_and_tls_with_the_files_beside_lines_yaml(config: Path) -> None:
    house = settings(Options(config.parent / "data", config))
    check(house)
    line = house.plan.lines["telefon"]
    assert isinstance(line, EmbeddedLine)
    listens = line_config(house, "telefon", line, Announcements("a", "b")).phone.listen
    papers = (str(config / "tls/cert.pem"), str(config / "tls/key.pem"))
    assert listens == (
        Listen("udp", "127.0.0.1", 5060),
        Listen("tcp", "127.0.0.1", 5060, needed=False),
        Listen("tls", "127.0.0.1", 5061, *papers),
    )


def test_a_sound_certificate_is_no_problem(config: Path) -> None:
    assert told(config)[0] == 0


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("cert.pem", None, "missing"),
        ("key.pem", None, "missing"),
        ("key.pem", "no key", "cannot be understood"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told_with_file_and_line(
    config: Path, name: str, text: str | None, word: str
) -> None:
    path = config / "tls" / name
    path.unlink() if text is None else path.write_text(text)
    code, output = told(config)
    assert code == 1
    assert f"lines.yaml:{line_of(config, 'certificate:')}:" in output
    with pytest.raises(FlowErrors) as caught:
        check(settings(Options(config.parent / "data", config)))
    (problem,) = caught.value.problems
    assert word in problem.message("en")


def test_a_key_of_another_certificate_is_told(config: Path) -> None:
    (config / "tls/key.pem").write_text(Authority().pair("x").key)
    assert "gehört nicht zum Zertifikat" in told(config)[1]


def test_tls_without_a_certificate_is_told(config: Path) -> None:
    change(config, "    certificate: tls/cert.pem\n    key: tls/key.pem\n", "")
    code, output = told(config)
    assert (code, f"lines.yaml:{line_of(config, 'tls_port:')}:" in output) == (1, True)


def test_a_missing_file_of_authorities_is_told(config: Path) -> None:
    trunk = "trunks:\n  anlage: {kind: pbx, host: 127.0.0.2, transport: tls, ca_file: tls/ca.pem}\n\n"
    change(config, "destinations:\n", trunk + "destinations:\n")
    code, output = told(config)
    assert (code, f"lines.yaml:{line_of(config, 'ca_file')}:" in output) == (1, True)


def test_a_public_address_that_is_none_is_told(config: Path) -> None:
    change(config, "    tls_port: 5061\n", "    tls_port: 5061\n    public_address: praxis.example\n")
    assert told(config)[0] == 1
