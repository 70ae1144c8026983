"""A number plan with everything in it, and the commands that read it."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from callflow.cli import app

ROOT = Path(__file__).parents[2]
LINES = """lines:
  anlage: {kind: asterisk}
trunks:
  pbx: {kind: pbx, host: 192.0.2.10}
  amt: {kind: provider, host: sip.example, account: {username: amt}, registers: true}
  teams: {kind: teams, fqdn: sbc.praxis.example, certificate: /c/sbc.pem, key: /c/key, listen: 192.0.2.2:5061}
destinations:
  empfang: {kind: extension, number: "100", via: pbx, teams: empfang_teams}
  empfang_teams: {kind: teams, number: "+4935112345699", via: teams}
numbers:
  "+4935112345600":
    flow: praxis
    destination: empfang
    migration: {to: teams, start: 2026-12-01, share: 50}
"""


def run(*words: str, **env: str) -> tuple[int, str]:
    """Run `rufweiche`; return its exit code and what it says."""
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "160"} | env)
    return done.exit_code, done.output
