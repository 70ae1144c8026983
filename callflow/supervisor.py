"""Keeps the house's processes running: starts them, restarts what dies, lets calls finish on the way out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from callflow import parent

FIRST_PAUSE = 0.2  # seconds before the first restart; doubled each time up to LONGEST_PAUSE
LONGEST_PAUSE = 10.0
STABLE_AFTER = 30.0  # a process that lived so long starts again with FIRST_PAUSE


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep alive.

    Args:
        name: word in the log ("line", "app").
        command: arguments after the Python interpreter.
        grace: seconds it may take to end after SIGTERM before it is killed.
        log: file that its standard error is appended to; None leaves it on the terminal.
        beside: it is told to end together with the child before it.
    """

    name: str
    command: tuple[str, ...]
    grace: float = 10.0
    log: Path | None = None
    beside: bool = False


@dataclass(slots=True)
class Supervisor:
    """Runs children until told to stop; they stop in the order given.

    Args:
        children: started together, stopped one after another, those `beside` one another at once.
        report: takes a name, what happened and the exit status or pid.
        stopping: called once when everything was asked to end.
    """

    children: Sequence[Child]
    report: Callable[[str, str, int], None]
    stopping: Callable[[], None] = lambda: None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def run(self) -> None:
        """Start all children and return once all have ended after `stop`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        keepers = {child.name: asyncio.create_task(self._keep(child)) for child in self.children}
        await self._stopping.wait()
        self.stopping()
        for group in self._groups():
            await asyncio.gather(*(self._end(child) for child in group))
            for child in group:
                keepers[child.name].cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await keepers[child.name]

    def _groups(self) -> list[list[Child]]:
        groups: list[list[Child]] = []
        for child in self.children:
            if child.beside and groups:
                groups[-1].append(child)
            else:
                groups.append([child])
        return groups

    def stop(self) -> None:
        """Ask everything to end."""
        self._stopping.set()

    async def _keep(self, child: Child) -> None:
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = loop.time()
            try:
                status = await self._live(child)
            except OSError as error:  # no memory, no process, no disk for its log: there may be some later
                self.report(child.name, "not started", error.errno or 0)
            else:
                self.report(child.name, "ended", status)
            pause = FIRST_PAUSE if loop.time() - started > STABLE_AFTER else min(pause * 2, LONGEST_PAUSE)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _live(self, child: Child) -> int:
        # A session of its own: Ctrl-C in the terminal must reach only the supervisor, which then stops
        # the children in order.
        with _opened(child.log) as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *child.command,
                start_new_session=True,
                stderr=log,
                stdin=asyncio.subprocess.PIPE,
                env=os.environ | {parent.VARIABLE: "1"},
            )
        self._running[child.name] = process
        self.report(child.name, "started", process.pid)
        return await process.wait()

    async def _end(self, child: Child) -> None:
        process = self._running.get(child.name)
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), child.grace)
        except TimeoutError:
            process.kill()
            await process.wait()


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
        return
    with path.open("ab") as log:
        yield log
