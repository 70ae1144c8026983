"""Every golden call of a practice, run and told in one table: the admin's regression suite.

Below the table stand the ways through the flows that no golden call takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callflow.engine.walker import coverage
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
        passed: (node, exit) that it went through.
    """

    file: Path
    call: str = ""
    flow: str = ""
    outcome: str = ""
    faults: tuple[str, ...] = ()
    passed: tuple[tuple[str, str], ...] = ()


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
    gone = rehearse(flow, calendars, case)
    return Verdict(path, case.call, case.flow, case.expects.outcome, tuple(gone.faults), tuple(gone.passed))


def missed(verdicts: Iterable[Verdict], flows: Callable[[str], Flow]) -> list[str]:
    """List the ways through the flows of these golden calls that none of them takes, as "node: exit"."""
    read = [each for each in verdicts if each.flow]
    passed = [way for each in read for way in each.passed]
    ways = {way for name in {each.flow for each in read} for way in coverage(flows(name), passed).missed}
    return [f"{node}: {exit_}" if node else exit_ for node, exit_ in sorted(ways)]


def show(verdicts: list[Verdict], missing: list[str], console: Console) -> int:
    """Print the table and the ways not taken; return 1 if a call went differently or there was none."""
    table = Table("", "Anruf", "Ablauf", "Ergebnis", "Abweichung", title="Golden calls")
    for each in verdicts:
        mark = "[red]✗" if each.faults else "[green]✓"
        faults = escape("\n".join(each.faults))
        table.add_row(mark, escape(each.call or each.file.name), each.flow, each.outcome, faults)
    failed = sum(bool(each.faults) for each in verdicts)
    console.print(table)
    console.print(f"{len(verdicts) - failed} von {len(verdicts)} wie geschrieben / as written")
    if missing:
        console.print(f"{len(missing)} Wege geht keiner / ways that none takes: {escape(', '.join(missing))}")
    return int(failed > 0 or not verdicts)
