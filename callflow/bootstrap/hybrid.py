"""The number plan for people, and the PBX and SBC configuration that follows from it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Literal

from rich.table import Column, Table

from callflow.bootstrap.places import default
from callflow.language.plan_problems import plan_problems
from callflow.language.source import read
from callflow.plan.moving import BERLIN
from callflow.plan_check import check
from callflow.settings import Settings
from sip import numbers
from sip.render import asterisk, files, kamailio


def render(settings: Settings, what: Literal["asterisk", "kamailio"], out: Path, version: str) -> list[str]:
    """Write the complete configuration of Asterisk or of Kamailio and rtpengine; return the files' names.

    Args:
        settings: the house's settings.
        what: whose configuration.
        out: folder to write to.
        version: Asterisk's version, as `asterisk -V` prints it.

    Raises:
        RenderError: the plan or the environment lacks something.
    """
    templates = default("docker") / what
    if what == "kamailio":
        texts = kamailio.render(settings.plan, kamailio.front_site(settings.plan), templates)
        return [str(path) for path in files.write(texts, out, files.OPEN)]
    secrets = settings.secrets
    passwords = {name: value.get_secret_value() for name, value in secrets.sip_passwords.items()}
    known = asterisk.AsteriskSecrets(secrets.ami_secret.get_secret_value(), passwords)
    site = asterisk.Site(version=asterisk.version(version))
    return [str(path) for path in files.write(asterisk.render(settings.plan, site, known, templates), out)]


class MomentError(ValueError):
    """A text that is neither a day nor a moment."""


HEADS = {
    "de": ("Nummer", "Ablauf", "Heimat", "Ziel", "Umzug"),
    "en": ("number", "flow", "home", "destination", "move"),
}


def moment(text: str) -> date:
    """Read a day, or a moment in German local time.

    Returns:
        A `datetime` with its zone for a moment, else a `date`.

    Raises:
        MomentError: it is neither.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise MomentError(
            f'{text!r}: ein Tag wie 2026-12-01 oder ein Augenblick wie "2026-12-01 09:00" / a day or a moment'
        ) from None
    return found.date() if len(text) == len("2026-12-01") else found.replace(tzinfo=BERLIN)


def number_table(settings: Settings, at: date | None, language: str) -> Table:
    """Return the number plan as it is in force at a moment (aware), on a whole day, or now (None)."""
    at = at or datetime.now(BERLIN)
    number, *heads = HEADS[language]
    written = f"{at:%d.%m.%Y %H:%M}" if isinstance(at, datetime) else f"{at:%d.%m.%Y}"
    table = Table(Column(number, no_wrap=True), *heads, title=written, title_justify="left")
    for row in numbers.table(settings.plan, at, language):
        table.add_row(row.number, row.flow, row.home, row.destination, row.moving)
    return table


def number_faults(settings: Settings) -> list[str]:
    """Return what the plan could do better, with file, line and column, German first.

    Faults that keep the house from starting have been told when the settings were read.
    """
    source = read(settings.config / "lines.yaml")
    places = plan_problems(source, check(settings.plan))
    return [
        f"{p.file}:{p.line}:{p.column}: Warnung / warning\n  {p.message('de')}\n  {p.message('en')}"
        for p in places
    ]
