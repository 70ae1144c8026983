"""The line's end of the socket to the app: numbered happenings out, one answer to each back.

A happening that has no answer yet is sent again when the connection comes back; the app recognises repeats by
call and turn. Whoever waits longer than the app's time gets `AppAwayError` and decides alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from callflow.events import Event
from callflow.frames import (
    VERSION,
    Acknowledged,
    Command,
    Decoder,
    Frame,
    FrameError,
    Happening,
    Hello,
    Measured,
    Refused,
    Working,
    encode,
)

FIRST_PAUSE = 0.05  # seconds between attempts to connect, doubled up to LONGEST_PAUSE
LONGEST_PAUSE = 0.5
HURRY_S = 0.2  # a caller waits so long for one more attempt when the app is known to be gone
PATIENCE = 4  # times `answer_s` that a caller waits for an app that says it is working
_CHUNK = 65_536
_log = structlog.get_logger("line.app_link")


class AppAwayError(Exception):
    """The app is gone, did not answer in its time, or could not handle the happening."""


@dataclass(slots=True)
class _Waiting:
    happening: Happening
    answer: asyncio.Future[Command | Acknowledged]
    working: bool = False
    patience: int = PATIENCE
    timer: asyncio.TimerHandle | None = None


class AppLink:
    """Connects to the app and keeps connecting.

    Args:
        socket: the app's Unix socket.
        name: the line's name.
        answer_s: seconds that the app has for an answer.
        calls: gives the ids of the calls that the line holds and the app decides.

    Attributes:
        slowest_s: the app's slowest answer since `measured` was last called, seconds.
    """

    def __init__(
        self, socket: Path, name: str, answer_s: float, calls: Callable[[], tuple[str, ...]]
    ) -> None:
        self._socket = socket
        self._name = name
        self._answer_s = answer_s
        self._calls = calls
        self._waiting: dict[int, _Waiting] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._number = 0
        self.slowest_s = 0.0
        self._lost_at = float("-inf")
        self._up = asyncio.Event()
        self._hurry = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Both sides have said hello."""
        return self._writer is not None

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        self._lost_at = asyncio.get_running_loop().time()
        pause = FIRST_PAUSE
        while True:
            was_up = await self._connection()
            pause = FIRST_PAUSE if was_up else min(pause * 2, LONGEST_PAUSE)
            await _within(self._hurry, pause)
            self._hurry.clear()

    async def tell(self, call: str, turn: int, event: Event) -> Command | Acknowledged:
        """Tell the app what happened and return its answer.

        Raises:
            AppAwayError: the line must act alone for this call.
        """
        loop = asyncio.get_running_loop()
        if not self.connected and loop.time() - self._lost_at > self._answer_s:
            # Known to be gone: no caller should wait in silence for it, but it may be back this moment.
            self._hurry.set()
            if not await _within(self._up, HURRY_S):
                raise AppAwayError("gone")
        self._number += 1
        happening = Happening(self._number, call, turn, event)
        waiting = self._waiting[happening.number] = _Waiting(happening, loop.create_future())
        self._send(happening)
        since = loop.time()
        waiting.timer = loop.call_later(self._answer_s, self._overdue, waiting)
        try:
            return await waiting.answer
        finally:
            waiting.timer.cancel()
            del self._waiting[happening.number]
            self.slowest_s = max(self.slowest_s, loop.time() - since)

    def _overdue(self, waiting: _Waiting) -> None:
        """Wait on for an app that has said it is working, a few times."""
        waiting.patience -= 1
        if waiting.answer.done():
            return
        if waiting.working and waiting.patience:
            waiting.working = False
            loop = waiting.answer.get_loop()
            waiting.timer = loop.call_later(self._answer_s, self._overdue, waiting)
            return
        if not self.connected:
            self._lost_at = float("-inf")  # gone for long enough: the next caller need not wait as long
        why = "too slow" if waiting.working else "no answer in time"
        waiting.answer.set_exception(AppAwayError(why))

    def greet(self) -> None:
        """Say hello again: the app then reads the spool, without waiting for the next connection."""
        self._send(self._hello())

    def measured(self, counters: dict[str, float]) -> None:
        """Pass counters on, if anyone listens."""
        self._send(Measured({**counters, "app_slowest_ms": round(self.slowest_s * 1000)}))
        self.slowest_s = 0.0

    def _send(self, frame: Frame) -> None:
        if self._writer is not None:
            self._writer.write(encode(frame))

    def _hello(self) -> Hello:
        return Hello("line", self._name, self._calls())

    async def _connection(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        try:
            await self._talk(reader, writer)
        except (OSError, FrameError) as error:
            _log.warning("app connection failed", error=type(error).__name__)
        finally:
            was_up, self._writer = self.connected, None
            self._up.clear()
            self._lost_at = asyncio.get_running_loop().time()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return was_up

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode(self._hello()))
        decoder = Decoder()
        while data := await reader.read(_CHUNK):
            for frame in decoder.feed(data):
                self._received(frame, writer)
        _log.warning("app connection closed")

    def _received(self, frame: Frame, writer: asyncio.StreamWriter) -> None:
        match frame:
            case Hello(role="app", version=version) if version == VERSION:
                self._writer = writer
                self._up.set()
                for waiting in self._waiting.values():
                    self._send(waiting.happening)
                _log.info("app connection up")
            case Command() | Acknowledged():
                self._answered(frame)
            case Working(reply_to=number):
                if working := self._waiting.get(number):
                    working.working = True
            case Refused(reply_to=number, call=call, reason=reason):
                _log.warning("app refused", call=call, reason=reason)
                if (refused := self._waiting.get(number)) and not refused.answer.done():
                    refused.answer.set_exception(AppAwayError(reason))
            case _:
                raise FrameError("the app said what only a line may say, or speaks another version")

    def _answered(self, frame: Command | Acknowledged) -> None:
        waiting = self._waiting.get(frame.reply_to)
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(frame)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, at most `seconds`; tell whether it came."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
