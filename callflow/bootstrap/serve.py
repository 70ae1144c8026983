"""`rufweiche serve`: check everything, prepare what is missing, then keep the processes running."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from callflow import logs
from callflow.bootstrap import certificates, first_run, in_force
from callflow.bootstrap.faults import AlreadyRunningError, words
from callflow.bootstrap.flows import check_flows, told_faults
from callflow.bootstrap.line import (
    config_path,
    embedded_lines,
    line_config,
    listening,
    ready_path,
    trunks_of,
)
from callflow.bootstrap.places import Options
from callflow.bootstrap.ports import free
from callflow.hours import Calendar
from callflow.language import FlowErrors
from callflow.language.problems import Problem, refused
from callflow.settings import Address, Settings
from callflow.supervisor import Child, Supervisor

LINE_GRACE = 55.0  # seconds; calls may finish or are handed on, a little longer than the line's own limit
APP_GRACE = 10.0
UP_WITHIN = 60.0  # seconds after which people are told which process is not ready yet
BESIDE_BROKEN = (
    "Gestartet mit dem, was zuletzt in Kraft war: diese Dateien haben Fehler und gelten nicht.\n"
    "Started on what was last in force: these files have faults and are not used."
)
STOPPING = (
    "Wird beendet; laufende Anrufe dürfen noch bis zu 50 Sekunden dauern, neue kommen nicht mehr an.\n"
    "Stopping; calls in progress may go on for up to 50 seconds, new ones are not taken."
)
_log = structlog.get_logger("serve")


def serve(options: Options, console: Console) -> None:
    """Run the house until SIGTERM.

    A file of the configuration that is broken now but was in force once is told, and the house runs on what
    was in force.

    Args:
        options: what the command line says.
        console: where progress and the box of addresses go.

    Raises:
        FlowErrors: a file is broken that never was in force, or a certificate cannot be used.
        PortTakenError: an address is not free.
        AlreadyRunningError: DATA is in use.
    """
    settings, faults = in_force.settings(options)
    calendars, wrong = check_flows(settings)
    certificates.check(settings)
    settings = settings.model_copy(update=_addresses(settings))
    first_run.folders(settings.data)
    with _alone(settings.data / "run" / "serve.lock"):
        logs.configure((settings.data / "log" / "serve.log").open("a", buffering=1, encoding="utf-8"))
        _tell((*faults, *wrong), console)
        asyncio.run(_House(settings, calendars, options.arguments(), console).run())


def _tell(problems: tuple[Problem, ...], console: Console) -> None:
    """Say loudly which files are broken and not in force."""
    if refused(problems):
        _log.error("started on what was last in force", problems=told_faults(problems))
        told = f"{BESIDE_BROKEN}\n{words(FlowErrors(problems))}"
        console.print(Panel(Text(told), title="Fehler / faults", border_style="red", expand=False))


def _addresses(settings: Settings) -> dict[str, Address]:
    """Return the addresses we listen on; without a line of our own, SIP's is an Asterisk's beside us."""
    taken = {"http": free("--http", settings.http, socket.SOCK_STREAM)}
    own = tuple(embedded_lines(settings.plan))
    if own:
        taken["sip"] = free("--sip", settings.sip, socket.SOCK_DGRAM)
    for name in own[1:]:
        free(f"lines.{name}.port", listening(settings, name), socket.SOCK_DGRAM)
    return taken


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(
                f"{path.parent.parent} wird schon von einem anderen Server benutzt; bitte --data ändern.\n"
                f"{path.parent.parent} is in use by another server; please change --data."
            ) from None
        yield


@dataclass(frozen=True, slots=True)
class _House:
    settings: Settings
    calendars: Mapping[str, Calendar]
    arguments: tuple[str, ...]
    console: Console

    async def run(self) -> None:
        link = first_run.admin_link(self.settings)
        await self._write_lines()
        supervisor = Supervisor(self._children(), _report, lambda: self.console.print(STOPPING))
        running = asyncio.create_task(supervisor.run())
        if await self._up(running):
            self.console.print(box(self.settings, link))
        await running

    async def _write_lines(self) -> None:
        spoken = await first_run.announcements(self.settings, self.calendars, self.console)
        for name, line in embedded_lines(self.settings.plan).items():
            ready_path(self.settings.data, name).unlink(missing_ok=True)
            line_config(self.settings, name, line, spoken).save(config_path(self.settings.data, name))
        (self.settings.data / "run" / "app.ready").unlink(missing_ok=True)

    def _children(self) -> tuple[Child, ...]:
        lines = tuple(
            Child(
                f"line {name}", self._line_command(name), LINE_GRACE, self._log(f"line-{name}"), beside=True
            )
            for name in embedded_lines(self.settings.plan)
        )
        places = ("--sip", str(self.settings.sip), "--http", str(self.settings.http))
        app = ("-m", "callflow", "app", *self.arguments, *places)
        return (*lines, Child("app", app, APP_GRACE, self._log("app")))

    def _line_command(self, name: str) -> tuple[str, ...]:
        return "-m", "sip.process", "--config", str(config_path(self.settings.data, name))

    def _log(self, name: str) -> Path:
        return self.settings.data / "log" / f"{name}.log"

    async def _up(self, running: asyncio.Task[None]) -> bool:
        """Wait until every process has said that it is ready; False if the house ended before.

        Whoever is late is named with its log. The house stays: what works may be answering calls already.
        """
        signs = {
            f"line-{name}": ready_path(self.settings.data, name)
            for name in embedded_lines(self.settings.plan)
        } | {"app": self.settings.data / "run" / "app.ready"}
        loop = asyncio.get_running_loop()
        patience = loop.time() + UP_WITHIN
        while late := [name for name, sign in signs.items() if not sign.exists()]:
            if running.done():
                return False
            if loop.time() > patience:
                self.console.print(not_ready([self._log(name) for name in late]), soft_wrap=True)
                patience = float("inf")
            await asyncio.sleep(0.05)
        return True


def not_ready(logs: Sequence[Path]) -> Text:
    """Return what to tell people when a process is not ready, with the logs that say why."""
    named = ", ".join(map(str, logs))
    return Text(
        f"Noch nicht bereit; der Grund steht in {named}. Es wird weiter versucht.\n"
        f"Not ready yet; {named} says why. Trying goes on."
    )


def _report(name: str, what: str, number: int) -> None:
    _log.info(f"process {what}", process=name, number=number)


def box(settings: Settings, admin_link: str) -> Panel:
    """Return what a newcomer must know, in German and English."""
    number = next(iter(settings.plan.numbers), "praxis")
    web = f"http://{settings.http}"
    lines = [
        ("Anrufen / call", f"sip:{number}@{settings.sip}"),
        ("Probieren / try", _try(settings)),
        ("Posteingang / inbox", f"{web}/inbox"),
        ("Demo-SMS / demo SMS", f"{web}/demo"),
    ]
    if admin_link:
        lines.append(("Admin-Passwort setzen (einmalig) / set admin password (once)", admin_link))
    text = Text("\n").join(Text.assemble((f"{label}\n", "bold"), f"  {value}") for label, value in lines)
    return Panel(text, title="Rufweiche läuft / is running", expand=False)


def _try(settings: Settings) -> str:
    trunks = sorted({name for line in embedded_lines(settings.plan).values() for name in trunks_of(line)})
    if trunks:  # whoever calls from elsewhere is a stranger, and hears nothing
        return f"über / over {', '.join(trunks)}"
    target = "" if settings.sip.port == 5060 else f"--to sip:praxis@{settings.sip} "  # noqa: PLR2004  # SIP's port
    return f"{_command()} call {target}--from +491711234567 --keys 1,1 --record call.wav"


def _command() -> str:
    """Return how to type our command: as it was typed for this start, where the shell finds no other."""
    typed = sys.argv[0]
    own = Path(typed).name == "rufweiche" and shutil.which("rufweiche") is None
    return typed if own else "rufweiche"
