"""The Asterisk line: calls held on one core, and how soon a key brings the next prompt.

Peer: the same Asterisk playing the same prompts out of its own dialplan (Background), with nobody deciding.
Ours is Asterisk and our server together on one core. Linux, root and tests/support/asterisk_root.sh; the
telephones are those of the part "sip". Medians of BENCH_RUNS runs (1).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from tests.bench import _subjects
from tests.bench._phones import Load, failed, hold, told
from tests.bench._subjects import HOST, SUBJECT_CORE, Subject, until
from tests.bench._watched import Usage, Watched, usage
from tests.bench.rows import Row, write

RUNS = int(os.environ.get("BENCH_RUNS", "1"))
LEVELS = (1, 50, 200)
LADDER = (100, 150, 200, 250, 300, 400)
RATE = 40  # calls set up in a second: what one core does without loss while others talk
MISSING = 0.01  # part of the packets
PEER = "Asterisk dialplan"
FIGURES: tuple[tuple[str, str, Callable[[Load], float]], ...] = (
    ("key to next prompt p50", "ms", lambda load: load.figures["prompt"]["p50"]),
    ("key to next prompt p99", "ms", lambda load: load.figures["prompt"]["p99"]),
    ("CPU per call-second", "ms", lambda load: load.ms_per_call_second),
    ("packets missing", "%", lambda load: 100 * load.missing),
)


def main() -> None:
    """Measure; write var/bench/asterisk.json."""
    if not _subjects.asterisk_there():
        sys.stdout.write("Asterisk: not on this machine (root and tests/support/asterisk_root.sh make it)\n")
        return
    ours, peer = measured(line), measured(_subjects.asterisk)
    write("asterisk", [*_rows(ours, peer), _held(ours, peer)])


@contextmanager
def line() -> Iterator[Subject]:
    """Our rendered Asterisk and our line, both on one core."""
    from tests.support import asterisk_site  # noqa: PLC0415 - where it is available

    ports = asterisk_site.Ports()
    phones = {"kind": "provider", "host": HOST, "port": ports.provider, "check_seconds": 3600}
    plan = asterisk_site.plan(ports, trunks={"amt": phones, "pbx": phones | {"host": "127.0.0.2"}})
    asterisk = asterisk_site.switch(plan)
    _pin(asterisk.daemon.process.pid)
    outside, inside = asterisk.folder.outside, asterisk.folder.inside
    told = {
        "plan": plan.model_dump_json(),
        "secret": asterisk_site.SECRET,
        "sounds": str(outside / "sounds"),
        "sounds_inside": str(inside / "sounds"),
        "recordings": str(outside / "recordings"),
        "recordings_inside": str(inside / "recordings"),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(json.dumps(told))
        file.flush()
        ours = Watched([sys.executable, "-m", "tests.bench._asterisk_line", file.name], SUBJECT_CORE)
        try:
            until(lambda: "ready" in ours.said(), ours)
            pid = asterisk.daemon.process.pid
            yield Subject("rufweiche over Asterisk", ports.sip, lambda: _both(usage(pid), ours.usage()))
        finally:
            ours.stop()
            asterisk.stop()


def measured(start: Callable[[], AbstractContextManager[Subject]]) -> dict[int, list[Load]]:
    """Return the loads at every level; the ladder ends where most runs are no longer clean."""
    loads: dict[int, list[Load]] = {}
    with start() as subject:
        for calls in LEVELS:
            loads[calls] = _hold(subject, calls)
        for calls in LADDER:
            if calls not in loads:
                loads[calls] = _hold(subject, calls)
            if not _clean(loads[calls]):
                break
    return loads


def _hold(subject: Subject, calls: int) -> list[Load]:
    loads = [hold(subject, calls, rate=RATE) for _ in range(RUNS)]
    for load in loads:
        key = load.figures["prompt"]["p99"]
        sys.stdout.write(
            f"{subject.name}: {calls} calls, {load.ms_per_call_second:.2f} ms per call-second, key to prompt "
            f"p99 {key:.0f} ms, {100 * load.missing:.1f} % missing, {told(load)}\n"
        )
        sys.stdout.flush()
    return loads


def _clean(loads: list[Load]) -> bool:
    """Every call up and fewer than one packet in a hundred missing, in most runs.

    Asterisk paces by its own timer, which is not judged here.
    """
    fine = [
        load.figures["up"] == load.calls and not load.figures["failed"] and load.missing < MISSING
        for load in loads
    ]
    return 2 * sum(fine) > len(fine)


def _rows(ours: dict[int, list[Load]], peer: dict[int, list[Load]]) -> Iterator[Row]:
    for what, unit, figure in FIGURES:
        for calls in LEVELS:
            value = statistics.median(figure(load) for load in ours[calls])
            beside = statistics.median(figure(load) for load in peer[calls])
            yield Row(f"{what}, {calls} calls", value, unit, PEER, beside)
    for name, loads in (("", ours), (f"{PEER}: ", peer)):
        for calls, runs in loads.items():
            yield from failed(f"{name}{len(runs)} times {calls} calls", *runs)


def _held(ours: dict[int, list[Load]], peer: dict[int, list[Load]]) -> Row:
    most = [
        max((calls for calls, loads in each.items() if _clean(loads)), default=0) for each in (ours, peer)
    ]
    return Row("calls held on one core", float(most[0]), "calls", PEER, float(most[1]))


def _both(asterisk: Usage, server: Usage) -> Usage:
    return replace(
        asterisk,
        cpu_s=asterisk.cpu_s + server.cpu_s,
        memory_kb=asterisk.memory_kb + server.memory_kb,
        threads=asterisk.threads + server.threads,
        files=asterisk.files + server.files,
    )


def _pin(pid: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cores[SUBJECT_CORE % len(cores)]})
