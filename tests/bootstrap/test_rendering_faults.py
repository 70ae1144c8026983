"""What cannot be rendered is told in both languages, German first, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.plans import LINES, run

SECRETS = {"RUFWEICHE_AMI_SECRET": "x", "RUFWEICHE_SIP_PASSWORDS": '{"amt": "y"}'}
TLS = "  amt: {kind: provider, host: a.example, transport: tls, ca_file: a.pem}\n"
TWO_AUTHORITIES = TLS + TLS.replace("amt", "zwei").replace("a.", "b.")
ALONE = LINES.replace("{kind: teams, fqdn", "{front: asterisk, kind: teams, fqdn")
(TEAMS,) = (line for line in LINES.splitlines(keepends=True) if line.startswith("  teams: "))
TWO_TEAMS = LINES.replace(TEAMS, TEAMS + TEAMS.replace("  teams:", "  mehr:").replace("sbc.", "b."))
AMT = "  amt: {kind: provider, host: sip.example, account: {username: amt}, registers: true}\n"
AUTHORITIES = LINES.replace(AMT, TWO_AUTHORITIES)
NO_ASTERISK = LINES.replace("kind: asterisk", "kind: twilio")
CASES = [
    ("asterisk", LINES, {}, (), "RUFWEICHE_AMI_SECRET fehlt."),
    ("asterisk", LINES, {"RUFWEICHE_AMI_SECRET": "x"}, (), "Für „amt“ fehlt das Passwort."),
    ("asterisk", LINES, SECRETS | {"RUFWEICHE_AMI_SECRET": "a\nb"}, (), "einen Zeilenumbruch"),
    ("asterisk", LINES, SECRETS, ("--asterisk-version", "neu"), "In „neu“ steht keine Version"),
    ("asterisk", ALONE, SECRETS, (), "`front: asterisk` braucht Asterisk 22.11 oder neuer."),
    ("asterisk", AUTHORITIES, SECRETS, (), "verschiedene Zertifizierungsstellen (a.pem, b.pem)"),
    ("asterisk", NO_ASTERISK, SECRETS, (), "hat keine Leitung der Art `asterisk`."),
    ("kamailio", TWO_TEAMS, SECRETS, (), "hat 2 Anschlüsse der Art `teams`"),
    ("kamailio", LINES.replace("/c/sbc.pem", "/c/$x.pem"), SECRETS, (), "in Kamailios Sprache"),
]


@pytest.mark.parametrize(("what", "lines", "env", "more", "told"), CASES)
def test_what_cannot_be_rendered_is_told_in_german_and_then_in_english(  # noqa: PLR0913, PLR0917
    what: str, lines: str, env: dict[str, str], more: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    source = Path(__file__).parents[2] / "config" / "practice.yaml"
    (config / "practice.yaml").write_bytes(source.read_bytes())
    (config / "lines.yaml").write_text(lines, encoding="utf-8")
    code, said = run("render", what, "--config", str(config), "--out", str(tmp_path / "out"), *more, **env)
    german, english = said.splitlines()
    assert (code, told in german, english == german) == (1, True, False), said
    assert not (tmp_path / "out").exists()
