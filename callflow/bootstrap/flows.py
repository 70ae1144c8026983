"""The flows and calendars of a house: checked before anything is opened, versioned, taken in when changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from callflow.bootstrap import in_force
from callflow.bootstrap.configuration import LINES, Configuration, News
from callflow.bootstrap.renumbering import takes_over, tell_lines
from callflow.flow import Flow
from callflow.hours import Calendar
from callflow.kinds.base import Speaking
from callflow.language import FlowErrors, FolderPrompts, Surroundings, look
from callflow.language.calendars import load_calendars
from callflow.language.problems import Problem, ordered, refused
from callflow.language.report import flow_files
from callflow.language.source import contents
from callflow.language.versions import Entry, Versions
from callflow.plan import Plan
from callflow.settings import Settings

MAIN_CALENDAR = "praxis"
AUTHOR = "config/flows"
"""Author of versions that came by a changed file."""

PRACTICE, RESTART, NUMBERS = "practice", "restart-needed", "numbers"

EVERY = 2.0  # seconds between looks at the files
_log = structlog.get_logger("flows")


@dataclass(slots=True)
class Shelf:
    """The flows that calls run on.

    Args:
        settings: where the files lie, and what flows may refer to; with the number plan that is in force.
        calendars: opening hours by name.
        versions: all versions of all flows.
        configuration: the files that are read at a start.
        hours: contents of hours.yaml when they were last looked at.
        faults: what is wrong in files that are not in force, by flow, "hours.yaml", "practice" or "numbers".
        changed: told of new calendars when they come into force.
        renumbered: likewise of a new number plan.
    """

    settings: Settings
    calendars: Mapping[str, Calendar]
    versions: Versions
    configuration: Configuration
    hours: bytes = b""
    faults: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    changed: Callable[[Mapping[str, Calendar]], None] = field(default=lambda _: None)
    renumbered: Callable[[Plan], None] = field(default=lambda _: None)
    _news: News | None = None

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
        for name in self.flows():
            nodes = self.versions.current(name).nodes.values()
            yield from (node.text for node in nodes if isinstance(node, Speaking) and node.text)

    def is_open(self, at: datetime) -> bool:
        """Say whether the practice works at the aware moment `at`."""
        return self.calendar(MAIN_CALENDAR).status(at).answer == "open"

    def refresh(self, now: datetime) -> None:
        """Take changed files into force; a broken one changes nothing, and its reason goes into the log."""
        self._refresh_hours()
        self._refresh_practice(now)
        for name in self.flows():
            path = flow_path(self.settings, name)
            if self.versions.changed(path):
                self._take(name, path, now)
            elif name in self.faults:
                self._look_again(name, path, now)

    def _take(self, name: str, path: Path, now: datetime) -> None:
        try:
            flow = self.versions.publish(path, AUTHOR, now)
        except FlowErrors as error:
            self.faults[name] = error.problems
            _log.error("flow refused", flow=name, problems=told_faults(error.problems))
        else:
            self.faults.pop(name, None)
            _log.info("flow in force", flow=name, version=flow.version)

    def _look_again(self, name: str, path: Path, now: datetime) -> None:
        """Look whether a file without a change is no longer broken: what it refers to may have come."""
        problems = look(path, self.versions.around())[1]
        if refused(problems):
            self.faults[name] = problems
        elif any(entry.action == "refused" for entry in self.versions.history(name)[-1:]):
            self._take(name, path, now)
        else:  # what is in force came from it, or was chosen instead of it
            del self.faults[name]

    def _refresh_practice(self, now: datetime) -> None:
        """Look at what is read at a start; numbers may move at once, the rest is told."""
        news = self.configuration.news(self.settings)
        if news is not None:
            self._news = news
            self._tell(news)
        self._renumber(now)

    def _tell(self, news: News) -> None:
        """Note faults, and the files that wait for a restart; each change is logged once."""
        known = {_place(fault) for fault in self.faults.get(PRACTICE, ())}
        waiting = [file for file in news.changed if not (file == LINES and self._takes_over(news))]
        self.faults[PRACTICE] = news.faults or tuple(self._waits(file) for file in waiting)
        if waiting:
            _log.warning("restart to put it in force", files=waiting)
        elif {_place(fault) for fault in news.faults} - known:
            _log.error("configuration refused", problems=told_faults(news.faults))

    def _waits(self, file: str) -> Problem:
        return Problem(str(self.settings.config / file), 1, 1, RESTART, severity="warning")

    def _takes_over(self, news: News) -> bool:
        found = news.settings
        return found is not None and takes_over(self.settings.plan, found.plan)

    def _renumber(self, now: datetime) -> None:
        """Take over numbers that have moved, once all flows that they name are sound."""
        news = self._news
        if news is None or news.settings is None or LINES not in news.changed or not self._takes_over(news):
            self.faults.pop(NUMBERS, None)
            return
        plan = news.settings.plan
        if not (lacking := self._lacking(plan) or self._unpublished(plan, now) or self._untold(plan)):
            self._put_in_force(plan, news)
        elif self.faults.get(NUMBERS) != lacking:
            _log.error("numbers not in force", problems=[f"{p.file}: {p.code}" for p in lacking])
            self.faults[NUMBERS] = lacking

    def _put_in_force(self, plan: Plan, news: News) -> None:
        self.settings = self.settings.model_copy(update={"plan": plan})
        self.renumbered(plan)
        self.faults.pop(NUMBERS, None)
        self._news = self.configuration.taken(LINES, news)
        in_force.keep_practice(self.settings, self.configuration.files)
        _log.info("numbers in force")

    def _lacking(self, plan: Plan) -> tuple[Problem, ...]:
        """Return the faults of flows that no number has led to so far."""
        around = self.versions.around()
        looked = (look(flow_path(self.settings, name), around)[1] for name in self._fresh(plan))
        return tuple(problem for found in looked if refused(found) for problem in found)

    def _unpublished(self, plan: Plan, now: datetime) -> tuple[Problem, ...]:
        """Put these flows in force; returns what was wrong in one that has changed since it was looked at."""
        for name in self._fresh(plan):
            try:
                self.versions.publish(flow_path(self.settings, name), AUTHOR, now)
            except FlowErrors as error:
                return error.problems
        return ()

    def _untold(self, plan: Plan) -> tuple[Problem, ...]:
        """Tell our lines; returns what waits for a restart where that cannot be written."""
        try:
            tell_lines(self.settings.data, plan)
        except OSError:
            return (self._waits(LINES),)
        return ()

    def _fresh(self, plan: Plan) -> list[str]:
        return [name for name in dict.fromkeys(_flows_of(plan).values()) if name not in self.flows()]

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong in files that are not in force, their paths seen from the configuration."""
        every = (problem for found in tuple(self.faults.values()) for problem in found)
        shown = (each for each in every if each.severity == "error" or each.code == RESTART)
        return ordered(replace(each, file=_inside(self.settings.config, each.file)) for each in shown)

    def standing(self) -> Mapping[str, Entry]:
        """Return what was done last to each flow: whether its file is in force or was refused, and why."""
        last = ((name, self.versions.history(name)) for name in self.flows())
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
        path = self.settings.config / in_force.HOURS
        found = _raw(path)
        if found == self.hours:
            return
        self.hours = found
        try:
            self.calendars = load_calendars(path, found or None)
        except FlowErrors as error:
            self.faults[in_force.HOURS] = error.problems
            _log.error("hours refused", problems=told_faults(error.problems))
        else:
            self.faults.pop(in_force.HOURS, None)
            in_force.keep_hours(self.settings, found)
            self.changed(self.calendars)
            _log.info("hours in force")

    def _names(self) -> Mapping[str, str]:
        return _flows_of(self.settings.plan)

    def flows(self) -> list[str]:
        """List the flows that numbers lead to."""
        return list(dict.fromkeys(self._names().values()))


def told_faults(problems: Iterable[Problem]) -> list[str]:
    """Write the errors among `problems` for a log."""
    faults = [problem for problem in problems if problem.severity == "error"]
    return [f"{fault.file}:{fault.line}:{fault.column}: {fault.message()}" for fault in faults]


def _flows_of(plan: Plan) -> dict[str, str]:
    return {number: entry.flow for number, entry in plan.numbers.items()}


def _place(problem: Problem) -> tuple[str, int, int]:
    return Path(problem.file).name, problem.line, problem.column


def _inside(config: Path, file: str) -> str:
    path = Path(file)
    return str(path.relative_to(config)) if path.is_relative_to(config) else path.name


def _raw(path: Path) -> bytes:
    """Read a file's contents, empty if it cannot be read."""
    try:
        return contents(path)
    except FlowErrors:
        return b""


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


def shelf(settings: Settings, faults: tuple[Problem, ...] = ()) -> Shelf:
    """Read hours and flows, and put changed flows in force; a broken file leaves what was in force before.

    Args:
        settings: the house's settings.
        faults: what is wrong in the files that these settings were to be read from.

    Raises:
        FlowErrors: every problem of all files at once, if something is broken that never was in force.
    """
    found = _unread(settings)
    if faults:
        found.faults[PRACTICE] = faults
    if wrong := found.problems():
        _log.error("started on what was last in force", problems=told_faults(wrong))
    found.refresh(datetime.now(UTC))
    return found


def _unread(settings: Settings) -> Shelf:
    """Make a shelf that knows what is broken; raises as `shelf`."""
    hours = _raw(settings.config / in_force.HOURS)  # first: what changes meanwhile counts as a change
    calendars, wrong = in_force.calendars(settings)
    files = Configuration(settings.config, in_force.readable(settings.forms.parent))
    found = Shelf(
        settings, calendars, Versions(settings.data / "flows", lambda: _around(found)), files, hours
    )
    if wrong:
        found.faults[in_force.HOURS] = wrong
    found.faults.update(_broken_flows(found))
    return found


def _around(flows: Shelf) -> Surroundings:
    return surroundings(flows.settings, flows.calendars)


def _broken_flows(flows: Shelf) -> dict[str, tuple[Problem, ...]]:
    """Find the flows whose files are broken while a version is in force; raises as `shelf`."""
    around, broken = _around(flows), dict[str, tuple[Problem, ...]]()
    for name in flows.flows():
        problems = look(flow_path(flows.settings, name), around)[1]
        if refused(problems):
            broken[name] = problems
    if stopping := [problem for name in broken if not _stands(flows, name) for problem in broken[name]]:
        raise FlowErrors(stopping)
    return broken


def _stands(flows: Shelf, name: str) -> bool:
    try:
        flows.versions.current(name)
    except (KeyError, FlowErrors):
        return False
    return True


def versions(settings: Settings) -> Versions:
    """Return the versions of this house's flows; what they may refer to is read anew each time."""

    def around() -> Surroundings:
        return surroundings(settings, load_calendars(settings.config / in_force.HOURS))

    return Versions(settings.data / "flows", around)


def check_flows(settings: Settings) -> tuple[Mapping[str, Calendar], tuple[Problem, ...]]:
    """Read hours and flows, so that a broken file that never was in force stops the start.

    Returns:
        The opening hours in force, and what is wrong in files that are not.

    Raises:
        FlowErrors: every problem of all files at once.
    """
    found = _unread(settings)
    return found.calendars, ordered(problem for each in found.faults.values() for problem in each)


def surroundings(settings: Settings, calendars: Mapping[str, Calendar]) -> Surroundings:
    """Return what the flows of this house may refer to."""
    return Surroundings(
        prompts=FolderPrompts(settings.prompts),
        destinations=settings.plan.destinations.keys(),
        concerns=settings.practice.concerns.keys(),
        calendars=calendars.keys(),
        languages=settings.practice.languages,
    )
