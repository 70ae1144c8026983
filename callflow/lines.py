"""The app's end of the socket to the line processes: happenings in, commands out.

Speaks `callflow.frames` on a local Unix socket. Each call's happenings are handled in the order they came;
different calls do not wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine
from pathlib import Path

import structlog

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
from callflow.homes import Desk
from callflow.precedence import Precedence
from callflow.session import Reaction
from callflow.takeover import Takeover

_log = structlog.get_logger("lines")
_CHUNK = 65_536
GREETED_AGAIN_S = 2.0  # a line whose greeting failed is made to connect and greet anew
WORKING_EVERY = 0.4  # seconds; well below the second after which a line acts alone


class LineServer:
    """Serves every line process that connects.

    Args:
        path: of the socket; a left-over one is replaced, mode 600.
        sessions: decide about calls.
        takeover: takes over what the lines did alone.
        measured: is given a line's name and its counters.
        calls: is told of each happening while it is being answered.
    """

    def __init__(
        self,
        path: Path,
        sessions: Desk,
        takeover: Takeover,
        measured: Callable[[str, dict[str, float]], None] = lambda _name, _counters: None,
        calls: Precedence | None = None,
    ) -> None:
        self._calls = calls or Precedence()
        self._path = path
        self._sessions = sessions
        self._takeover = takeover
        self._measured = measured
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def connected(self) -> tuple[str, ...]:
        """Names of the lines that are connected now."""
        return tuple(sorted(each.name for each in self._connections if each.name))

    async def start(self) -> None:
        """Take over what the lines did alone, then listen."""
        await self._takeover.read()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._server is None:
            return
        self._server.close()  # from Python 3.12 on waiting for it would wait for a line that hangs
        for connection in tuple(self._connections):
            connection.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        connection = _Connection(writer, self._sessions, self._takeover, self._measured, self._calls)
        self._connections.add(connection)
        try:
            await connection.run(reader)
        except (FrameError, OSError) as error:
            _log.warning("line connection broken", line=connection.name, error=type(error).__name__)
        finally:
            self._connections.discard(connection)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Connection:
    """One line process."""

    def __init__(
        self,
        writer: StreamWriter,
        sessions: Desk,
        takeover: Takeover,
        measured: Callable[[str, dict[str, float]], None],
        calls: Precedence,
    ) -> None:
        self.name = ""
        self._calls = calls
        self._writer = writer
        self._sessions = sessions
        self._takeover = takeover
        self._measured = measured
        self._tasks: set[asyncio.Task[None]] = set()
        self._greeting: asyncio.Task[None] | None = None

    async def run(self, reader: StreamReader) -> None:
        """Serve until the line goes.

        Raises:
            FrameError: it does not speak our frames.
        """
        self._send(Hello("app", "app"))
        decoder = Decoder()
        while data := await reader.read(_CHUNK):
            for frame in decoder.feed(data):
                self._received(frame)
        # What was received is carried out, though nobody waits for the answer any more.
        await asyncio.gather(*self._tasks)

    def close(self) -> None:
        """End the connection."""
        self._writer.close()

    def _received(self, frame: Frame) -> None:
        match frame:
            case Happening():
                self._begin(self._happening(frame))
            case Hello(role="line", version=version) if version == VERSION:
                self.name = frame.name
                _log.info("line connected", line=frame.name, calls=len(frame.calls))
                self._greeting = self._begin(self._greeted(frame))
            case Measured(counters=counters):
                self._measured(self.name, counters)
            case _:
                raise FrameError(f"a line does not send {frame.kind} of another role or version")

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _greeted(self, hello: Hello) -> None:
        try:
            await self._settled(hello)
        except Exception:  # noqa: BLE001  the disk may be full: calls that begin now must not suffer for older ones
            _log.exception("line not greeted", line=hello.name)
            asyncio.get_running_loop().call_later(GREETED_AGAIN_S, self.close)

    async def _settled(self, hello: Hello) -> None:
        await self._takeover.read()
        # A call that the line handles alone is no longer ours, but it is not lost either.
        holding = {*hello.calls, *await self._takeover.under_way()}
        for call in await self._sessions.lost(hello.name, holding):
            _log.warning("call lost by its line", call=call, line=hello.name)

    async def _happening(self, happening: Happening) -> None:
        try:
            reaction = await self._working(happening, asyncio.ensure_future(self._handled(happening)))
        except Exception:  # noqa: BLE001  whatever went wrong, the line must know that it acts alone
            _log.exception("call not handled", call=happening.call, event_kind=happening.event.kind)
            self._send(Refused(happening.number, happening.call, "fault"))
            return
        if reaction.effect is None:
            self._send(Acknowledged(happening.number, happening.call))
        else:
            self._send(Command(happening.number, happening.call, reaction.turn, reaction.effect))

    async def _handled(self, happening: Happening) -> Reaction:
        if self._greeting is not None:
            # Else a call that begins right after the greeting would be taken for one the line has lost.
            await asyncio.shield(self._greeting)
        with self._calls:
            return await self._sessions.happened(happening.call, happening.turn, happening.event)

    async def _working(self, happening: Happening, work: asyncio.Future[Reaction]) -> Reaction:
        """Wait for `work`, telling the line again and again that we are at it."""
        while not (await asyncio.wait((work,), timeout=WORKING_EVERY))[0]:
            self._send(Working(happening.number, happening.call))
        return work.result()

    def _send(self, frame: Frame) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode(frame))
