"""One channel that waits in AsyncAGI: commands in, results out, over a manager connection that may break."""

from __future__ import annotations

import asyncio
import itertools

import structlog

from sip import agi
from sip.agi import GONE, LOST, Result
from sip.ami import Manager, ManagerDownError, ManagerRefusedError, Message

NORMAL, LOOP = 16, 25  # Q.850: normal clearing; exchange routing error
_log = structlog.get_logger("asterisk.channel")


class AgiChannel:
    """Gives commands to a channel; each ends with exactly one result.

    Args:
        manager: the connection.
        name: the channel's name, e.g. "PJSIP/pbx-00000001".
    """

    def __init__(self, manager: Manager, name: str) -> None:
        self.name = name
        self.open = True
        self._manager = manager
        self._numbers = itertools.count(1)
        self._results: dict[str, asyncio.Future[Result]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._life: asyncio.Task[None] | None = None

    def do(self, command: str) -> asyncio.Future[Result]:
        """Queue a command; the future gives its result, `GONE` when the channel left first."""
        number = str(next(self._numbers))
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        if not self.open:
            result.set_result(GONE)
            return result
        self._results[number] = result
        task = asyncio.ensure_future(self._send(number, command))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return result

    async def _send(self, number: str, command: str) -> None:
        keys = {"Channel": self.name, "Command": command, "CommandID": number}
        while self.open:
            try:
                await self._manager.action("AGI", keys)
            except ManagerRefusedError:
                self._finish(number, GONE)
            except ManagerDownError:
                # Perhaps it was queued all the same: a prompt heard twice is better than a caller unheard.
                await self._manager.up.wait()
                continue
            return

    def heard(self, event: Message) -> None:
        """Take an AsyncAGIExec event of this channel."""
        # Asterisk's documentation says CommandID, its code CommandId.
        self._finish(event.get("CommandId") or event.get("CommandID"), agi.parse(event.get("Result")))

    def leave(self) -> None:
        """The channel hung up or went on in the dialplan: nothing more will be answered."""
        self.open = False
        for task in tuple(self._sending):
            task.cancel()
        for number in tuple(self._results):
            self._finish(number, GONE)

    async def catch_up(self) -> None:
        """After a reconnect: give up on results that were told while nobody listened."""
        older = tuple(self._results)
        await self.do(agi.NOTHING)
        for number in older:
            self._finish(number, LOST)

    def alive(self, seconds: int) -> None:
        """Push out the time at which the dialplan takes the call away from us."""
        if self.open and (self._life is None or self._life.done()):
            self._life = asyncio.ensure_future(self._push(seconds))

    async def _push(self, seconds: int) -> None:
        keys = {"Channel": self.name, "Variable": "TIMEOUT(absolute)", "Value": str(seconds)}
        try:
            await self._manager.action("Setvar", keys)
        except (ManagerDownError, ManagerRefusedError) as error:
            _log.warning("no sign of life", channel=self.name, error=type(error).__name__)

    async def settled(self) -> None:
        """Wait until no sign of life is under way: a late one would cut the conversation after a transfer."""
        if self._life is not None:
            await asyncio.wait([self._life])

    async def press(self, key: str) -> None:
        """Let Asterisk hear a key as if the caller had pressed it: it ends the prompt being played."""
        try:
            await self._manager.action("PlayDTMF", {"Channel": self.name, "Digit": key, "Receive": "1"})
        except (ManagerDownError, ManagerRefusedError) as error:
            _log.warning("prompt not stopped", channel=self.name, error=type(error).__name__)

    async def hang_up(self, cause: int = NORMAL) -> None:
        """End the channel for an ITU-T Q.850 cause; its Hangup event follows."""
        try:
            await self._manager.action("Hangup", {"Channel": self.name, "Cause": str(cause)})
        except (ManagerDownError, ManagerRefusedError) as error:
            _log.warning("hang-up failed", channel=self.name, error=type(error).__name__)

    def _finish(self, number: str, result: Result) -> None:
        waiting = self._results.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)
