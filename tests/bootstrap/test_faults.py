"""What people can mend is told in words, German first, with an exit status and without a traceback."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callflow.cli import app
from callflow.sealing import Sealer
from callflow.store import DatabaseFileError, Store

KEY = bytes(range(32))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("diagram", "praxis", "-o", "{}/fehlt/x.svg"), "{}/fehlt/x.svg gibt es nicht"),
        (("simulate", "praxis", "--keys", "1 1", "--save", "{}/fehlt/x.yaml"), "x.yaml gibt es nicht"),
        (("simulate", "praxis", "--at", "morgen"), "ist keine Ortszeit"),
        (
            ("simulate", "praxis", "--keys", "1", "--queue", "xyz"),
            "'xyz' ist keine Antwort der Warteschlange",
        ),
        (("simulate", "praxis", "--keys", "1", "--queue", "busy"), "im Ablauf praxis wartet niemand"),
        (("diagram", "praxis", "-o", "{}/praxis.png"), "praxis.png: gezeichnet wird als .svg"),
        (("diagram", "praxis", "-o", "{}/praxis"), "praxis: gezeichnet wird als .svg"),
        (("call", "--to", "praxis"), "ist keine SIP-Adresse"),
        (("call", "--keys", "ruf an"), "durch Komma getrennt"),
        (("call", "--record", "{}/fehlt/x.wav"), "{}/fehlt/x.wav gibt es nicht"),
        (("users", "anna", "--data", "{}/datei"), "ist schon da und kein Ordner"),
        (("serve", "--http", "localhost"), "ist kein HOST:PORT"),
        (("simulate", ""), "Es gibt: praxis"),
        (("flows", "nix", "--data", "{}"), "Einen Ablauf „nix“ gibt es nicht"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_in_words(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "datei").write_text("", encoding="utf-8")
    result = run(*(each.replace("{}", str(tmp_path)) for each in arguments))
    assert (result.exit_code, told.replace("{}", str(tmp_path)) in result.stderr) == (1, True), result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("numbers", "chekc"), ("check", "-l", "fr"), ("hours", "--from", "2026-12-02", "--to", "2026-12-01")],
)
def test_what_a_command_does_not_know_is_refused(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2  # the status of a wrong command line


def test_a_file_that_is_no_database_is_told_with_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "rufweiche.db"
    path.write_bytes(b"rubbish" * 5000)
    with pytest.raises(DatabaseFileError, match=r"rufweiche\.db ist nicht zu gebrauchen .*Sicherung"):
        Store(path, Sealer(KEY))


def test_a_database_of_a_newer_program_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "rufweiche.db"
    Store(path, Sealer(KEY)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseFileError, match="das neuere Programm"):
        Store(path, Sealer(KEY))
    assert path.read_bytes() == before
