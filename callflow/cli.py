"""The command `rufweiche`: reads arguments, calls a room, prints; no logic."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from callflow.bootstrap import places

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
_console = Console()
_errors = Console(stderr=True)

Data = Annotated[
    Path,
    typer.Option(envvar="RUFWEICHE_DATA", help="Ordner für alles Geschriebene / where everything is written"),
]
Config = Annotated[
    Path | None, typer.Option(envvar="RUFWEICHE_CONFIG", help="Ordner mit practice.yaml, lines.yaml, flows/")
]
Prompts = Annotated[Path | None, typer.Option(help="Ordner mit <Sprache>/*.j2 (Ansagen / prompts)")]
Sip = Annotated[
    str,
    typer.Option(
        envvar="RUFWEICHE_SIP", metavar="HOST:PORT", help="SIP-Adresse (UDP); leer: wie in lines.yaml"
    ),
]
Http = Annotated[
    str, typer.Option(envvar="RUFWEICHE_HTTP", metavar="HOST:PORT", help="Web-Adresse / web address")
]


class CheckFormat(StrEnum):
    """How `check` reports."""

    text = "text"
    json = "json"
    github = "github"


class Told(StrEnum):
    """Languages that reports are written in."""

    de = "de"
    en = "en"


class Planned(StrEnum):
    """What `numbers` does besides showing its table."""

    table = "table"
    check = "check"


@app.callback()
def rufweiche() -> None:
    """Nimmt Anrufe an, schickt Links, sammelt Rückrufe. Call deflection for medical practices."""


@app.command()
def serve(
    data: Data = Path("var/data"),
    config: Config = None,
    prompts: Prompts = None,
    sip: Sip = "",
    http: Http = "127.0.0.1:8080",
) -> None:
    """Die ganze Rezeption starten / start the whole reception."""
    from callflow.bootstrap.serve import serve as run  # noqa: PLC0415  # other commands start without it

    with _told():
        run(places.Options(data, config, prompts, sip, http), _console)


@app.command(name="app", hidden=True)
def app_process(
    data: Data,
    config: Config = None,
    prompts: Prompts = None,
    sip: Sip = "",
    http: Http = "127.0.0.1:8080",
) -> None:
    """Start the app process alone; `serve` does that."""
    from callflow.bootstrap.app import run  # noqa: PLC0415  # see serve

    with _told():
        asyncio.run(run(places.Options(data, config, prompts, sip, http)))


@app.command()
def call(
    to: Annotated[str, typer.Option(help="SIP-Adresse / SIP URI")] = "sip:praxis@127.0.0.1:5060",
    number: Annotated[
        str, typer.Option("--from", help="angezeigte Nummer; leer: unterdrückt / withheld")
    ] = "",
    keys: Annotated[str, typer.Option(help="Tasten, z. B. 1,1 (Komma: auf die nächste Pause warten)")] = "",
    record: Annotated[Path | None, typer.Option(help="Gehörtes als WAV / what is heard")] = None,
) -> None:
    """Die Praxis anrufen / call the practice: a small real telephone."""
    from sip import caller_screen  # noqa: PLC0415  # see serve

    with _told(caller_screen.CallError):
        sys.exit(caller_screen.call(to, number, keys, record))


@app.command()
def say(
    text: Annotated[str, typer.Argument(help="Text oder Name einer Ansage / text or name of a prompt")],
    language: Annotated[str, typer.Option("--language", "-l", help="de, en, fr, it, es")] = "de",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="WAV statt Lautsprecher")] = None,
    config: Config = None,
    prompts: Prompts = None,
) -> None:
    """Einen Text sprechen / speak a text as callers hear it."""
    from callflow.bootstrap.first_run import studio  # noqa: PLC0415  # see serve
    from callflow.prompts import console  # noqa: PLC0415  # see serve

    with _told(), TemporaryDirectory() as folder:
        room = studio(places.settings(places.Options(Path(), config, prompts)), Path(folder))
        sys.exit(asyncio.run(console.say(room, text, language, out=out)))


@app.command(name="prompts")
def show_prompts(
    data: Data = Path("var/data"),
    config: Config = None,
    prompts: Prompts = None,
    *,
    flagged: Annotated[bool, typer.Option(help="nur auffällige / flagged ones only")] = False,
    transcribe: Annotated[
        Path | None,
        typer.Option(metavar="MODELL", help="mit einem Whisper-Modell nachhören / hear them with a model"),
    ] = None,
) -> None:
    """Alle Ansagen sprechen lassen und prüfen / render and check all prompts."""
    from callflow.bootstrap import hearing  # noqa: PLC0415  # see serve
    from callflow.bootstrap.first_run import studio  # noqa: PLC0415  # see serve
    from callflow.prompts import console  # noqa: PLC0415  # see serve

    with _told():
        house = places.settings(places.Options(data, config, prompts))
        if transcribe is not None:
            hearing.hear_prompts(house, transcribe, _console)
            return
        sys.exit(asyncio.run(console.prompts(studio(house), house.practice.languages, flagged_only=flagged)))


@app.command()
def simulate(  # noqa: PLR0913 - one parameter for each option
    flow: Annotated[str, typer.Argument(help="Name oder Datei eines Ablaufs / a flow's name or file")] = "",
    *,
    at: Annotated[str, typer.Option(help='Ortszeit, z. B. "2026-12-24 10:00"; leer: jetzt / now')] = "",
    number: Annotated[str, typer.Option("--from", help="Nummer oder withheld")] = "0171 2345678",
    keys: Annotated[
        str | None,
        typer.Option(help='Tasten und Taten, z. B. "1 1", "!9", "- besetzt x"; leer: fragen / ask'),
    ] = None,
    queue: Annotated[str, typer.Option(help='Warteschlange: "busy:2:4 free" (Platz, Minuten)')] = "",
    save: Annotated[Path | None, typer.Option(help="als Golden Call schreiben / write a golden call")] = None,
    calls: Annotated[
        Path | None, typer.Option(help="Ordner der Golden Calls; sonst calls/ der Konfiguration")
    ] = None,
    config: Config = None,
    prompts: Prompts = None,
    say: Annotated[bool, typer.Option("--say", help="Ansagen hören / hear the prompts")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="alle Golden Calls prüfen / run all golden calls")
    ] = False,
) -> None:
    """Einen Anruf im Terminal durchspielen / walk through a call in the terminal."""
    from callflow.bootstrap import rehearsal  # noqa: PLC0415  # see serve

    with _told():
        house = places.settings(places.Options(Path(), config, prompts))
        if everything:
            sys.exit(rehearsal.simulate_all(house, calls, _console))
        setting = rehearsal.setting(at, number, queue)
        sys.exit(rehearsal.simulate(house, flow, setting, keys, _console, aloud=say, save=save))


@app.command()
def check(
    path: Annotated[Path | None, typer.Argument(help="Ablauf, Ordner oder hours.yaml; leer: alles")] = None,
    form: Annotated[CheckFormat, typer.Option("--format", help="text, json, github")] = CheckFormat.text,
    language: Annotated[Told, typer.Option("--language", "-l", help="de, en")] = Told.de,
    config: Config = None,
    prompts: Prompts = None,
) -> None:
    """Abläufe und Sprechzeiten prüfen / check flows and opening hours."""
    from callflow.bootstrap import checking  # noqa: PLC0415  # see serve

    options = places.Options(Path(), config, prompts)
    with _told():
        text, status = checking.check(path, options, form.value, language.value)
        sys.stdout.write(text)
        if path is None and form is CheckFormat.text and not status:
            sys.stdout.write((text and "\n") + checking.sound(language.value))
            sys.stdout.write(checking.sms_costs(options, language.value))
    sys.exit(status)


@app.command()
def hours(
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="erster Tag")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="letzter Tag")] = None,
    language: Annotated[Told, typer.Option("--language", "-l", help="de, en")] = Told.de,
    config: Config = None,
) -> None:
    """Die Sprechzeiten zeigen, wie Anrufende sie antreffen / print the opening hours."""
    from callflow.bootstrap import checking  # noqa: PLC0415  # see serve

    begin = (first or datetime.now(checking.ZONE)).date()
    end = last.date() if last else begin + checking.TWO_WEEKS
    if end < begin:
        raise typer.BadParameter("--to liegt vor --from / --to is before --from")
    with _told():
        house = places.settings(places.Options(Path(), config))
        sys.stdout.write(checking.hours(house, begin, end, language.value))


@app.command()
def flows(  # noqa: PLR0913 - one parameter for each option
    name: Annotated[str, typer.Argument(help="Name eines Ablaufs / a flow's name")],
    *,
    data: Data = Path("var/data"),
    rollback: Annotated[str, typer.Option(help="diese Fassung wieder in Kraft setzen")] = "",
    author: Annotated[str, typer.Option(help="wer das tut / who does it")] = "",
    config: Config = None,
    prompts: Prompts = None,
) -> None:
    """Fassungen eines Ablaufs zeigen oder zurückholen / list a flow's versions or go back to one."""
    from callflow.bootstrap import checking  # noqa: PLC0415  # see serve

    with _told():
        house = places.settings(places.Options(data, config, prompts))
        if rollback:
            sys.stdout.write(checking.rollback(house, name, rollback, author or getpass.getuser()))
        sys.stdout.write(checking.history(house, name))


@app.command()
def diagram(
    flow: Annotated[str, typer.Argument(help="Name oder Datei eines Ablaufs / a flow's name or file")],
    out: Annotated[Path, typer.Option("--out", "-o", help="flow.svg oder/or flow.mmd")] = Path("flow.svg"),
    config: Config = None,
    prompts: Prompts = None,
) -> None:
    """Einen Ablauf zum Aufhängen zeichnen / draw a flow for the wall."""
    from callflow.bootstrap import rehearsal  # noqa: PLC0415  # see serve

    with _told():
        sys.exit(rehearsal.draw(places.settings(places.Options(Path(), config, prompts)), flow, out))


@app.command()
def replay(
    call_id: Annotated[str, typer.Argument(help="Kennung des Anrufs / the call's id")],
    data: Data = Path("var/data"),
    config: Config = None,
    prompts: Prompts = None,
) -> None:
    """Einen aufgezeichneten Anruf wiederholen / replay a recorded call."""
    from callflow.bootstrap import rehearsal  # noqa: PLC0415  # see serve

    with _told():
        sys.exit(rehearsal.replay(places.settings(places.Options(data, config, prompts)), call_id, _console))


@app.command()
def numbers(
    what: Annotated[
        Planned, typer.Argument(help="table: zeigen / show; check: Fehler suchen / find faults")
    ] = Planned.table,
    at: Annotated[
        str,
        typer.Option(
            metavar="TAG",
            help='2026-12-01: der ganze Tag / the whole day; "2026-12-01 09:00": ein Augenblick / a moment; '
            "leer: jetzt / now",
        ),
    ] = "",
    language: Annotated[Told, typer.Option("--language", "-l", help="de, en")] = Told.de,
    config: Config = None,
) -> None:
    """Den Rufnummernplan zeigen oder prüfen / show or check the number plan."""
    from callflow.bootstrap import hybrid  # noqa: PLC0415  # see serve

    with _told(hybrid.MomentError):
        shown = hybrid.moment(at) if at else None
        house = places.settings(places.Options(Path(), config))
        if what is Planned.check:
            faults = hybrid.number_faults(house)
            told = "\n".join(faults) or "keine Fehler / no faults"
            _console.print(told, markup=False, highlight=False, soft_wrap=True)
            return
        _console.print(hybrid.number_table(house, shown, language.value))


class Rendered(StrEnum):
    """Whose configuration `render` writes."""

    asterisk = "asterisk"
    kamailio = "kamailio"


@app.command()
def render(
    what: Annotated[Rendered, typer.Argument(help="asterisk | kamailio")],
    out: Annotated[Path, typer.Option(help="Zielordner / folder to write to")],
    asterisk_version: Annotated[str, typer.Option(help="asterisk -V")] = "22.10",
    config: Config = None,
) -> None:
    """Konfiguration für Asterisk oder Kamailio schreiben / write the PBX or SBC configuration."""
    from callflow.bootstrap import hybrid  # noqa: PLC0415  # see serve

    with _told():
        house = places.settings(places.Options(Path(), config))
        for name in hybrid.render(house, what.value, out, asterisk_version):
            _console.print(name, markup=False, highlight=False, soft_wrap=True)


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="wer es benutzt / who uses it")],
    scope: Annotated[list[str] | None, typer.Option(help="z. B. cards:read; leer: alle / all")] = None,
    data: Data = Path("var/data"),
    config: Config = None,
) -> None:
    """Ein API-Token ausstellen / issue an API token; it is shown once."""
    from callflow.bootstrap import access  # noqa: PLC0415  # see serve

    with _told():
        issued = access.token(places.settings(places.Options(data, config)), name, scope or ())
        _console.print(issued, markup=False, highlight=False, soft_wrap=True)


@app.command()
def users(  # noqa: PLR0913 - one parameter for each option
    login: Annotated[str, typer.Argument(help="Anmeldename / login")],
    name: Annotated[str, typer.Option(help="Name auf den Seiten / name on the pages")] = "",
    http: Http = "127.0.0.1:8080",
    data: Data = Path("var/data"),
    config: Config = None,
    *,
    admin: Annotated[bool, typer.Option(help="darf verwalten / may administer")] = False,
) -> None:
    """Einen Link zum Setzen des Passworts ausgeben / print a link to set a password."""
    from callflow.bootstrap import access  # noqa: PLC0415  # see serve

    with _told():
        house = places.settings(places.Options(data, config, http=http))
        link = access.password_link(house, login, name, "admin" if admin else "staff")
        _console.print(link, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _told(*more: type[Exception]) -> Iterator[None]:
    """Tell a fault that people can mend in words, and exit with status 1; `more` are the command's own."""
    try:
        yield
    except Exception as fault:
        from callflow.bootstrap.faults import MENDABLE, words  # noqa: PLC0415  # it knows every room: a second

        if not isinstance(fault, (*MENDABLE, *more)):
            raise
        # Not wrapped: a file's place must stay in one piece for whoever clicks or greps it.
        _errors.print(words(fault), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


def main() -> None:
    """Run the command line."""
    app()
