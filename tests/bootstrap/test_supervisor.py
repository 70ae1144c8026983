"""The supervisor keeps processes alive and ends them in order."""

import asyncio
import errno
import os
import signal
import sys
from pathlib import Path

from callflow.supervisor import Child, Supervisor

# Tells its pid in a file and then waits for SIGTERM.
WAITER = "import os, signal, sys; print(os.getpid(), file=open(sys.argv[1], 'a'), flush=True); signal.pause()"


class Reports:
    """Collects what the supervisor reports and lets tests wait for it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int]] = []
        self._news = asyncio.Condition()

    def __call__(self, name: str, what: str, number: int) -> None:
        self.seen.append((name, what, number))
        asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def count(self, name: str, what: str, times: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: [seen[:2] for seen in self.seen].count((name, what)) >= times)


def _waiter(name: str, folder: Path) -> Child:
    return Child(name, ("-c", WAITER, str(folder / name)), grace=5.0, log=folder / f"{name}.log")


async def test_a_process_that_is_killed_comes_back(tmp_path: Path) -> None:
    reports = Reports()
    supervisor = Supervisor((_waiter("line", tmp_path),), reports)
    running = asyncio.create_task(supervisor.run())
    await reports.count("line", "started", 1)
    os.kill(reports.seen[0][2], signal.SIGKILL)
    await reports.count("line", "started", 2)
    supervisor.stop()
    await running
    assert [what for _, what, _ in reports.seen] == ["started", "ended", "started", "ended"]


async def test_processes_end_in_the_order_given(tmp_path: Path) -> None:
    reports = Reports()
    supervisor = Supervisor((_waiter("line", tmp_path), _waiter("app", tmp_path)), reports)
    running = asyncio.create_task(supervisor.run())
    await reports.count("app", "started", 1)
    await reports.count("line", "started", 1)
    supervisor.stop()
    await running
    assert [name for name, what, _ in reports.seen if what == "ended"] == ["line", "app"]


# Ends only once the other one was asked to end, too.
COUPLED = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
open(sys.argv[1], "w").close()
signal.sigwait({signal.SIGTERM})
end = open(sys.argv[2], sys.argv[4])
open(sys.argv[3], sys.argv[5]).close()
"""


async def test_lines_are_asked_to_end_together_so_that_none_takes_calls_while_another_waits(
    tmp_path: Path,
) -> None:
    alive, other = [tmp_path / "a", tmp_path / "b"], [tmp_path / "c", tmp_path / "d"]
    for pipe in (*alive, *other):
        os.mkfifo(pipe)
    ends = [(str(other[0]), str(other[1]), "w", "r"), (str(other[0]), str(other[1]), "r", "w")]
    children = tuple(
        Child(f"line {number}", ("-c", COUPLED, str(alive[number]), *end), grace=30.0, beside=True)
        for number, end in enumerate(ends)
    )
    reports, stops = Reports(), list[str]()
    supervisor = Supervisor(children, reports, lambda: stops.append("stopping"))
    running = asyncio.create_task(supervisor.run())
    for pipe in alive:
        await asyncio.to_thread(pipe.read_bytes)
    supervisor.stop()
    await running
    assert sorted(status for _, what, status in reports.seen if what == "ended") == [0, 0]
    assert stops == ["stopping"]


# Tells through a pipe that it hears no SIGTERM any more.
DEAF = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").close()
while True:
    signal.pause()
"""


async def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    pipe = tmp_path / "deaf"
    os.mkfifo(pipe)
    reports = Reports()
    supervisor = Supervisor((Child("deaf", ("-c", DEAF, str(pipe)), grace=0.2),), reports)
    running = asyncio.create_task(supervisor.run())
    await asyncio.to_thread(pipe.read_bytes)
    supervisor.stop()
    await running
    assert reports.seen[-1] == ("deaf", "ended", -signal.SIGKILL)


async def test_a_process_that_cannot_be_started_yet_is_started_later(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = Child("line", ("-c", WAITER, str(tmp_path / "pids")), grace=5.0, log=log / "line.log")
    reports = Reports()
    supervisor = Supervisor((child,), reports)
    running = asyncio.create_task(supervisor.run())
    await reports.count("line", "not started", 1)
    log.mkdir()
    await reports.count("line", "started", 1)
    supervisor.stop()
    await running
    assert reports.seen[0] == ("line", "not started", errno.ENOENT)


# A supervisor of its own whose only child tells through pipes when it lives and when it has noticed the end.
ORPHANED = """
import asyncio, sys
from callflow.supervisor import Child, Supervisor
asyncio.run(Supervisor((Child("child", ("-c", sys.argv[1], *sys.argv[2:])),), lambda *_: None).run())
"""
MOURNER = """
import asyncio, sys
from callflow import parent
async def live():
    gone = asyncio.Event()
    parent.watch(gone.set)
    open(sys.argv[1], "w").close()
    await gone.wait()
    open(sys.argv[2], "w").close()
asyncio.run(live())
"""


async def test_a_child_notices_that_its_supervisor_was_killed(tmp_path: Path) -> None:
    alive, noticed = tmp_path / "alive", tmp_path / "noticed"
    os.mkfifo(alive)
    os.mkfifo(noticed)
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHANED, MOURNER, str(alive), str(noticed)
    )
    await asyncio.to_thread(alive.read_bytes)
    supervisor.kill()
    await supervisor.wait()
    assert await asyncio.wait_for(asyncio.to_thread(noticed.read_bytes), 30) == b""
