"""The number plan for people, and the PBX and SBC configuration that follows from it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from rich.table import Column, Table

from callflow.bootstrap.places import default
from callflow.language.source import read
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
        texts = kamailio.render(settings.plan, kamailio.FrontSite(), templates)
    else:
        secrets = settings.secrets
        passwords = {name: value.get_secret_value() for name, value in secrets.sip_passwords.items()}
        known = asterisk.AsteriskSecrets(secrets.ami_secret.get_secret_value(), passwords)
        site = asterisk.Site(version=asterisk.version(version))
        texts = asterisk.render(settings.plan, site, known, templates)
    return [str(path) for path in files.write(texts, out)]


def number_table(settings: Settings, at: datetime) -> Table:
    """Return the number plan as it is in force at the aware time `at`."""
    number = Column("Nummer / number", no_wrap=True)
    table = Table(number, "Ablauf / flow", "Heimat / home", "Ziel / destination", "Umzug / move")
    for row in numbers.table(settings.plan, at):
        table.add_row(row.number, row.flow, row.home, row.destination, row.moving)
    return table


def number_faults(settings: Settings) -> list[str]:
    """Return what the plan could do better, with file, line and column, German first.

    Faults that keep the house from starting have been told when the settings were read.
    """
    source = read(settings.config / "lines.yaml")
    places = (
        source.problem("plan-fault", f.place, german=f.german, english=f.english)
        for f in check(settings.plan)
    )
    return [f"{p.file}:{p.line}:{p.column}\n  {p.message('de')}\n  {p.message('en')}" for p in places]
