"""Telephony: our line, stock pyVoIP, a real Asterisk and a C program, loaded by the same telephones.

`python -m tests.bench sip` measures; `python -m tests.bench.sip soak [CALLS]` makes only the soak (200,000
short calls unless told otherwise). Linux only. Our figures are medians of BENCH_RUNS runs (3).
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import _reception, _subjects
from tests.bench._phones import Load, churn, failed, hold, told
from tests.bench._plot import Line, chart
from tests.bench._subjects import Subject
from tests.bench._watched import Usage, end_in_order
from tests.bench.rows import Row, write

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
CHURN_AT_ONCE = 10
RECEPTION_LEVELS = (10, 100, 500)
SOAK_CALLS, SOAK_AT_ONCE = 10_000, 20
DOCS = Path("docs")


@dataclass(frozen=True, slots=True)
class Field:
    """Somebody to measure.

    Args:
        start: starts it.
        levels: calls at once to try; the ladder ends at the first level with a tenth of the packets missing.
        runs: how often each.
        rate: calls per second while they are set up.
        turnover: short calls to make for the calls per second.
    """

    start: Callable[[], AbstractContextManager[Subject]]
    levels: tuple[int, ...]
    runs: int = RUNS
    rate: float = 200
    turnover: int = 2000


@dataclass(slots=True)
class Outcome:
    """All runs of one subject."""

    name: str
    loads: dict[int, list[Load]] = field(default_factory=dict)
    per_second: float | None = None
    cpu_per_call_ms: float | None = None
    short: Load | None = None

    def median(self, calls: int, figure: Callable[[Load], float]) -> float | None:
        """Return the median of a figure over the runs with `calls` calls, None without runs or figures."""
        found = [value for load in self.loads.get(calls, ()) if (value := figure(load)) >= 0]
        return statistics.median(found) if found else None

    def most_clean(self) -> int:
        """Return the most calls at which more than half of the runs were clean."""
        clean = (
            calls for calls, loads in self.loads.items() if 2 * sum(load.clean for load in loads) > len(loads)
        )
        return max(clean, default=0)


def fields() -> Iterator[Field]:
    """Yield who can be measured on this machine; who cannot is named."""
    yield Field(_subjects.ours, (10, 100, 500, 1000, 2000))
    yield Field(_subjects.floor, (10, 100, 500, 1000, 2000), runs=1)
    yield Field(_subjects.pyvoip, (10, 50, 100, 200), runs=1, rate=20, turnover=50)
    if _subjects.asterisk_there():
        yield Field(_subjects.asterisk, (10, 100, 200, 300), runs=1, rate=50, turnover=300)
    else:
        _say("Asterisk: not on this machine (root and tests/support/asterisk_root.sh make it)")


def main() -> None:
    """Measure everybody; write var/bench/sip.json and docs/performance.svg."""
    if not sys.platform.startswith("linux") or shutil.which("cc") is None:
        _say("the sip part needs Linux and a C compiler")
        return
    outcomes = [measured(each) for each in fields()]
    rows = [*compared(outcomes), *whole_reception(), *soak(SOAK_CALLS)]
    write("sip", rows)
    _draw(outcomes)


def measured(field_: Field) -> Outcome:
    """Run one subject through its levels."""
    outcome = Outcome("")
    with field_.start() as subject:
        outcome.name = subject.name
        for calls in field_.levels:
            outcome.loads[calls] = [
                _shown(subject.name, hold(subject, calls, rate=field_.rate)) for _ in range(field_.runs)
            ]
            if (outcome.median(calls, lambda load: load.missing) or 0) > 0.1:
                break
    _measure_turnover(field_, outcome)
    return outcome


def _measure_turnover(field_: Field, outcome: Outcome) -> None:
    with field_.start() as subject:
        load = churn(subject, field_.turnover, CHURN_AT_ONCE)
    outcome.per_second = load.calls / load.window_s
    outcome.cpu_per_call_ms = 1000 * load.cpu_s / load.calls
    outcome.short = load
    _say(f"{outcome.name}: {load.calls} short calls, {outcome.per_second:.0f} a second, {told(load)}")


def compared(outcomes: list[Outcome]) -> list[Row]:
    """Return our figures, each beside every peer's that has it."""
    ours, peers = outcomes[0], outcomes[1:]
    rows = []
    for what, unit, figure in FIGURES:
        for calls in ours.loads:
            value = ours.median(calls, figure)
            if value is not None:
                rows += _beside(
                    f"{what}, {calls} calls", unit, value, [(p.name, p.median(calls, figure)) for p in peers]
                )
    clean = [(peer.name, float(peer.most_clean())) for peer in peers]
    rows += _beside("clean calls on one core", "calls", float(ours.most_clean()), clean)
    turnover = [(peer.name, peer.per_second) for peer in peers]
    rows += _beside("short calls per second", "calls/s", ours.per_second or 0, turnover)
    cost = [(peer.name, peer.cpu_per_call_ms) for peer in peers]
    rows += _beside("CPU per short call", "ms", ours.cpu_per_call_ms or 0, cost)
    for outcome in outcomes:
        rows += _failed(outcome)
    return rows


def _failed(outcome: Outcome) -> Iterator[Row]:
    for calls, loads in outcome.loads.items():
        yield from failed(f"{outcome.name}: {len(loads)} times {calls} calls", *loads)
    if outcome.short is not None:
        yield from failed(f"{outcome.name}: {outcome.short.calls} short calls", outcome.short)


def whole_reception() -> list[Row]:
    """Return the figures of line, app, database and web together."""
    rows = []
    for load in _reception.loads(RECEPTION_LEVELS):
        _shown("rufweiche serve", load)
        for what, unit, figure in FIGURES:
            if (value := figure(load)) >= 0:
                rows.append(Row(f"whole reception: {what}, {load.calls} calls", value, unit))
        rows += failed(f"whole reception: {load.calls} calls", load)
    return rows


def _beside(what: str, unit: str, value: float, peers: list[tuple[str, float | None]]) -> list[Row]:
    rows = [Row(what, value, unit, name, figure) for name, figure in peers if figure]
    return rows or [Row(what, value, unit)]


FIGURES: tuple[tuple[str, str, Callable[[Load], float]], ...] = (
    ("CPU per call-second", "ms", lambda load: load.ms_per_call_second),
    ("packets missing", "%", lambda load: 100 * load.missing),
    ("pacing error p50", "ms", lambda load: load.figures["pacing"]["p50"]),
    ("pacing error p99", "ms", lambda load: load.figures["pacing"]["p99"]),
    ("pacing error p99.9", "ms", lambda load: load.figures["pacing"]["p999"]),
    ("INVITE to 200 p50", "ms", lambda load: load.figures["answer"]["p50"]),
    ("INVITE to 200 p99", "ms", lambda load: load.figures["answer"]["p99"]),
    ("key to next prompt p50", "ms", lambda load: load.figures["prompt"]["p50"]),
    ("key to next prompt p99", "ms", lambda load: load.figures["prompt"]["p99"]),
    ("memory per call", "kB", lambda load: (load.during.memory_kb - load.before.memory_kb) / load.calls),
    ("threads", "threads", lambda load: load.during.threads),
)


def soak(calls: int) -> list[Row]:
    """Make many short calls, twice; tell what the second round left behind that the first had not."""
    with _subjects.ours() as subject:
        first = churn(subject, calls, SOAK_AT_ONCE)
        before = _rested(subject)
        load = churn(subject, calls, SOAK_AT_ONCE)
        after = _rested(subject)
    what = f"soak of twice {calls} short calls"
    _say(f"{what}: {told(first, load)}")
    return [
        *failed(what, first, load),
        Row(f"{what}: memory grown", after.memory_kb - before.memory_kb, "kB"),
        Row(f"{what}: open files (sockets, RTP ports) grown", after.files - before.files, "files"),
        Row(f"{what}: threads grown", after.threads - before.threads, "threads"),
        Row(f"{what}: slowest INVITE to 200", load.figures["answer"]["worst"], "ms"),
        Row(f"{what}: rate", calls / load.window_s, "calls/s"),
    ]


def _rested(subject: Subject) -> Usage:
    """Return the usage once the last call's SIP timers (RFC 3261: 32 s) ran out and the line tidied up."""
    time.sleep(36)
    return subject.usage()


def _shown(name: str, load: Load) -> Load:
    state = "clean" if load.clean else f"{100 * load.missing:.1f} % missing, {told(load)}"
    pacing, key = load.figures["pacing"]["p99"], load.figures["prompt"]["p99"]
    _say(
        f"{name}: {load.calls} calls, {load.ms_per_call_second:.2f} ms per call-second, "
        f"pacing p99 {pacing:.1f} ms, key to prompt p99 {key:.0f} ms, {state}"
    )
    return load


def _draw(outcomes: list[Outcome]) -> None:
    lines = []
    for outcome in outcomes:
        points = ((calls, outcome.median(calls, FIGURES[0][2])) for calls in outcome.loads)
        lines.append(Line(outcome.name, tuple((float(calls), value) for calls, value in points if value)))
    DOCS.mkdir(exist_ok=True)
    svg = chart("CPU per call and second, RTP both ways", "calls at once", "milliseconds", lines)
    (DOCS / "performance.svg").write_text(svg, encoding="utf-8")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a report to a terminal


if __name__ == "__main__":
    end_in_order()
    if sys.argv[1:2] == ["soak"]:
        write("sip-soak", soak(int(sys.argv[2]) if len(sys.argv) > 2 else 200_000))
    else:
        main()
