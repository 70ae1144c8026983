"""The flows and calendars of a house: checked before anything is opened, versioned, taken in when changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog

from callflow.flow import Flow
from callflow.hours import Calendar
from callflow.kinds.base import Speaking
from callflow.language import FlowErrors, FolderPrompts, Surroundings, look
from callflow.language.calendars import load_calendars
from callflow.language.problems import Problem
from callflow.language.report import flow_files
from callflow.language.versions import Entry, Versions
from callflow.settings import Settings

MAIN_CALENDAR = "praxis"
AUTHOR = "config/flows"
"""Author of versions that came by a changed file."""

EVERY = 2.0  # seconds between looks at the files
_log = structlog.get_logger("flows")


@dataclass(slots=True)
class Shelf:
    """The flows that calls run on.

    Args:
        settings: where the files lie, and what flows may refer to.
        calendars: opening hours by name.
        versions: all versions of all flows.
        hours: contents of hours.yaml when they were last looked at.
        changed: told of new calendars when they come into force.
    """

    settings: Settings
    calendars: Mapping[str, Calendar]
    versions: Versions
    hours: bytes = b""
    changed: Callable[[Mapping[str, Calendar]], None] = field(default=lambda _: None)

    def of_number(self, dialled: str) -> Flow:
        """Return the flow for calls to this number; an unknown number gets the first one's."""
        return self.versions.current(self._names().get(dialled) or next(iter(self._names().values())))

    def of_version(self, name: str, version: str) -> Flow:
        """Return the flow a call began with; the one in force should that version be lost."""
        try:
            return self.versions.flow(name, version)
        except (KeyError, FlowErrors):
            return self.versions.current(name)

    def calendar(self, name: str) -> Calendar:
        """Return the opening hours of that name, the practice's own for an unknown one."""
        return (
            self.calendars.get(name)
            or self.calendars.get(MAIN_CALENDAR)
            or next(iter(self.calendars.values()))
        )

    def inline(self) -> Iterator[str]:
        """Give the texts that are typed into the flows in force."""
        for name in self._flows():
            nodes = self.versions.current(name).nodes.values()
            yield from (node.text for node in nodes if isinstance(node, Speaking) and node.text)

    def is_open(self, at: datetime) -> bool:
        """Say whether the practice works at the aware moment `at`."""
        return self.calendar(MAIN_CALENDAR).status(at).answer == "open"

    def refresh(self, now: datetime) -> None:
        """Take changed files into force; a broken one changes nothing, and its reason goes into the log."""
        self._refresh_hours()
        for name in self._flows():
            path = flow_path(self.settings, name)
            if not self.versions.changed(path):
                continue
            try:
                flow = self.versions.publish(path, AUTHOR, now)
            except FlowErrors as error:
                _log.error("flow refused", flow=name, problems=_told(error))
            else:
                _log.info("flow in force", flow=name, version=flow.version)

    def standing(self) -> Mapping[str, Entry]:
        """Return what was done last to each flow: whether its file is in force or was refused, and why."""
        last = ((name, self.versions.history(name)) for name in self._flows())
        return {name: entries[-1] for name, entries in last if entries}

    async def watch(self) -> None:
        """Refresh again and again until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.refresh, datetime.now(UTC))
            except Exception as error:  # noqa: BLE001  files that people edit must not end the house
                _log.error("flows not looked at", why=str(error))
            await asyncio.sleep(EVERY)

    def _refresh_hours(self) -> None:
        path = self.settings.config / "hours.yaml"
        found = path.read_bytes()
        if found == self.hours:
            return
        self.hours = found
        try:
            self.calendars = load_calendars(path, found)
        except FlowErrors as error:
            _log.error("hours refused", problems=_told(error))
        else:
            self.changed(self.calendars)
            _log.info("hours in force")

    def _names(self) -> Mapping[str, str]:
        return {number: entry.flow for number, entry in self.settings.plan.numbers.items()}

    def _flows(self) -> list[str]:
        return list(dict.fromkeys(self._names().values()))


def _told(error: FlowErrors) -> list[str]:
    faults = [problem for problem in error.problems if problem.severity == "error"]
    return [f"{fault.file}:{fault.line}:{fault.column}: {fault.message()}" for fault in faults]


def flow_path(settings: Settings, name: str) -> Path:
    """Return where the flow of that name is written."""
    return settings.config / "flows" / f"{name}.yaml"


def known_flow(settings: Settings, name: str) -> str:
    """Return `name`.

    Raises:
        FlowErrors: there is no flow of that name; the hint lists those that there are.
    """
    if name and flow_path(settings, name).is_file():
        return name
    known = ", ".join(path.stem for path in flow_files(settings.config / "flows"))
    raise FlowErrors([Problem(name or "?", 1, 1, "flow-unknown", (("flow", name[:40]), ("known", known)))])


def shelf(settings: Settings) -> Shelf:
    """Read hours and flows, and put changed flows in force.

    Raises:
        FlowErrors: every problem of all files at once.
    """
    calendars = check_flows(settings)
    hours = (settings.config / "hours.yaml").read_bytes()
    found = Shelf(settings, calendars, versions(settings), hours)
    found.refresh(datetime.now(UTC))
    return found


def versions(settings: Settings) -> Versions:
    """Return the versions of this house's flows; what they may refer to is read anew each time."""

    def around() -> Surroundings:
        return surroundings(settings, load_calendars(settings.config / "hours.yaml"))

    return Versions(settings.data / "flows", around)


def check_flows(settings: Settings) -> Mapping[str, Calendar]:
    """Read everything that calls depend on, so that a broken file stops the start.

    Raises:
        FlowErrors: every problem of all files at once.
    """
    calendars = load_calendars(settings.config / "hours.yaml")
    around = surroundings(settings, calendars)
    problems: list[Problem] = []
    for name in dict.fromkeys(number.flow for number in settings.plan.numbers.values()):
        problems += look(flow_path(settings, name), around)[1]
    if any(problem.severity == "error" for problem in problems):
        raise FlowErrors(problems)
    return calendars


def surroundings(settings: Settings, calendars: Mapping[str, Calendar]) -> Surroundings:
    """Return what the flows of this house may refer to."""
    return Surroundings(
        prompts=FolderPrompts(settings.prompts),
        destinations=settings.plan.destinations.keys(),
        concerns=settings.practice.concerns.keys(),
        calendars=calendars.keys(),
        languages=settings.practice.languages,
    )
