"""Processes that are measured: their CPU time, memory, threads and open files, out of /proc (Linux)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process tree uses now; memory is what it holds for itself alone where the kernel tells."""

    cpu_s: float
    memory_kb: int
    threads: int
    files: int


class Watched:
    """One started process with its children, on one core, its output in a file.

    Args:
        command: what to run.
        core: index of the core it may use, None for any.
        environment: added to ours.
    """

    def __init__(
        self, command: Sequence[str], core: int | None = None, environment: dict[str, str] | None = None
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
            preexec_fn=pin(core),  # noqa: PLW1509 - no threads run here yet
        )

    def usage(self) -> Usage:
        """Return the sum over the process and its descendants."""
        return usage(self.process.pid)

    def said(self) -> str:
        """Return its output so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def stop(self) -> None:
        """End it and its children."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)
        self._log.close()


def end_in_order() -> None:
    """Let a SIGTERM, as of `timeout`, end this program as an exception, and so what it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def pin(core: int | None) -> Callable[[], None] | None:
    """Return what keeps a new process on one core, None where that makes no sense."""
    cores = sorted(os.sched_getaffinity(0))
    if core is None or len(cores) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})


def usage(root: int) -> Usage:
    """Return what a process and its descendants use."""
    cpu = memory = threads = files = 0
    for pid in family(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            memory += _memory_kb(pid)
            files += sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            continue  # it has just ended
        cpu += int(fields[11]) + int(fields[12])
        threads += int(fields[17])
    return Usage(cpu * TICK_S, memory, threads, files)


def family(root: int) -> list[int]:
    """Return a process and its descendants."""
    found = [root]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text(encoding="ascii").split()]
            except OSError:
                continue
    return found


def _memory_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
