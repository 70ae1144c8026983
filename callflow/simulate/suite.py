"""Every golden call of a practice, run and told in one table: the admin's regression suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callflow.flow import Flow
from callflow.golden import read_case, rehearse
from callflow.hours import Calendar
from callflow.language import FlowErrors


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one golden call went.

    Args:
        file: its file.
        call: what it shows.
        flow: the flow it goes through.
        outcome: what it is to end with.
        faults: where it went differently, () if nowhere.
    """

    file: Path
    call: str = ""
    flow: str = ""
    outcome: str = ""
    faults: tuple[str, ...] = ()


def run(folder: Path, flows: Callable[[str], Flow], calendars: Mapping[str, Calendar]) -> list[Verdict]:
    """Run all golden calls below `folder`; a file that can't be read is a fault of its own."""
    return [_judged(path, flows, calendars) for path in sorted(folder.rglob("*.yaml"))]


def _judged(path: Path, flows: Callable[[str], Flow], calendars: Mapping[str, Calendar]) -> Verdict:
    try:
        case = read_case(path)
        flow = flows(case.flow)
    except FlowErrors as errors:
        told = (f"{each.file}:{each.line}:{each.column} {each.message('de')}" for each in errors.problems)
        return Verdict(path, faults=tuple(told))
    faults = rehearse(flow, calendars, case).faults
    return Verdict(path, case.call, case.flow, case.expects.outcome, tuple(faults))


def show(verdicts: list[Verdict], console: Console) -> int:
    """Print the table; return 1 if a call went differently or there was none, else 0."""
    table = Table("", "Anruf", "Ablauf", "Ergebnis", "Abweichung", title="Golden calls")
    for each in verdicts:
        mark = "[red]✗" if each.faults else "[green]✓"
        faults = escape("\n".join(each.faults))
        table.add_row(mark, escape(each.call or each.file.name), each.flow, each.outcome, faults)
    failed = sum(bool(each.faults) for each in verdicts)
    console.print(table)
    console.print(f"{len(verdicts) - failed} von {len(verdicts)} wie geschrieben / as written")
    return int(failed > 0 or not verdicts)
