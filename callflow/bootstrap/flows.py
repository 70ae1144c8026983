"""The flows and calendars of a house, checked before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from callflow.flow import Flow
from callflow.hours import Calendar
from callflow.language import FlowErrors, FolderPrompts, Surroundings, look
from callflow.language.calendars import load_calendars
from callflow.language.problems import Problem
from callflow.settings import Settings

MAIN_CALENDAR = "praxis"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The flows that calls run on.

    Args:
        flows: by name.
        of: practice number (E.164) -> name of its flow.
        calendars: opening hours by name.
    """

    flows: Mapping[str, Flow]
    of: Mapping[str, str]
    calendars: Mapping[str, Calendar]

    def of_number(self, dialled: str) -> Flow:
        """Return the flow for calls to this number; an unknown number gets the first one's."""
        name = self.of.get(dialled) or next(iter(self.of.values()))
        return self.flows[name]

    def of_version(self, name: str, version: str) -> Flow:
        """Return the flow a call began on."""
        del version
        return self.flows[name]

    def calendar(self, name: str) -> Calendar:
        """Return the opening hours of that name, the practice's own for an unknown one."""
        return (
            self.calendars.get(name)
            or self.calendars.get(MAIN_CALENDAR)
            or next(iter(self.calendars.values()))
        )

    def is_open(self, at: datetime) -> bool:
        """Say whether the practice works at the aware moment `at`."""
        return self.calendar(MAIN_CALENDAR).status(at).answer == "open"


def shelf(settings: Settings) -> Shelf:
    """Read hours and flows.

    Raises:
        FlowErrors: every problem of all files at once.
    """
    calendars = load_calendars(settings.config / "hours.yaml")
    around = surroundings(settings, calendars)
    flows: dict[str, Flow] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys(number.flow for number in settings.plan.numbers.values()):
        flow, found = look(settings.config / "flows" / f"{name}.yaml", around)
        problems += found
        if flow is not None:
            flows[name] = flow
    if any(problem.severity == "error" for problem in problems):
        raise FlowErrors(problems)
    return Shelf(flows, {number: entry.flow for number, entry in settings.plan.numbers.items()}, calendars)


def check_flows(settings: Settings) -> None:
    """Read everything that calls depend on, so that a broken file stops the start.

    Raises:
        FlowErrors: every problem of all files at once.
    """
    shelf(settings)


def surroundings(settings: Settings, calendars: Mapping[str, Calendar]) -> Surroundings:
    """Return what the flows of this house may refer to."""
    return Surroundings(
        prompts=FolderPrompts(settings.prompts),
        destinations=settings.plan.destinations.keys(),
        concerns=settings.practice.concerns.keys(),
        calendars=calendars.keys(),
        languages=settings.practice.languages,
    )
