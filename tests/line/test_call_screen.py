"""`rufweiche call` at a terminal: keys are pressed live, a meter shows the level, q hangs up."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from callflow.effects import Gather, HangUp, LineEffect
from callflow.events import CallStarted, DigitsPressed, HungUp
from callflow.frames import Happening
from tests.line.house import House, clip, running

LIMIT_S = 30
PATIENCE_S = 20  # the app here is in one loop with the line: where one is held up, both are


def menus(told: Happening) -> LineEffect | None:
    """Ask for a key again and again; 9 ends the call."""
    match told.event:
        case HungUp():
            return None
        case DigitsPressed("9"):
            return HangUp((clip("bye"),))
    return Gather((clip("menu"),), digits=1, first_ms=30_000)


class Terminal:
    """A terminal with `rufweiche call` in it."""

    def __init__(self, ours: int, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.shown = ""
        self._ours = ours
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(ours, self._read)

    def _read(self) -> None:
        try:
            self.shown += os.read(self._ours, 4096).decode("utf-8", "replace")
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(self._ours)
        self._news.set()

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    async def until(self, text: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while text not in self.shown:
                self._news.clear()
                await self._news.wait()

    async def status(self) -> int:
        return await asyncio.wait_for(self.process.wait(), LIMIT_S)


@asynccontextmanager
async def calling(house: House) -> AsyncIterator[tuple[Terminal, int]]:
    """Run `rufweiche call` on a new terminal; gives it and the descriptor of the far end."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callflow", "call", "--to", house.uri, "--from", "+491711234567"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    terminal = Terminal(ours, process)
    try:
        yield terminal, theirs
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)
        os.close(theirs)


def echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


async def test_each_key_typed_is_pressed_at_once_and_the_far_side_hangs_up(tmp_path: Path) -> None:
    async with running(tmp_path, menus, answer_s=PATIENCE_S) as house, calling(house) as (terminal, end):
        assert echoes(end)
        await terminal.until("hang up: q")
        assert not echoes(end)  # keys are pressed, not written
        await terminal.until("dBFS")
        for key in "4x#":  # a letter that is no key is none
            terminal.type(key)
        await house.app.until(lambda: DigitsPressed("#") in house.app.events())
        terminal.type("9")
        assert await terminal.status() == 0
        await terminal.until("the far side hung up")
        assert echoes(end)
        pressed = [event.digits for event in house.app.events() if isinstance(event, DigitsPressed)]
    assert pressed == ["4", "#", "9"]


async def test_q_hangs_up_and_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    async with running(tmp_path, menus, answer_s=PATIENCE_S) as house, calling(house) as (terminal, end):
        await terminal.until("hang up: q")
        await house.app.until(lambda: any(isinstance(one, CallStarted) for one in house.app.events()))
        terminal.type("q")
        assert await terminal.status() == 0
        await terminal.until("we hung up")
        await house.app.until(lambda: HungUp("caller") in house.app.events())
        assert echoes(end)
