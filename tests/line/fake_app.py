"""A tiny app at the far end of the line's socket: answers happenings with what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from callflow.effects import LineEffect
from callflow.events import Event
from callflow.frames import Acknowledged, Command, Decoder, Frame, Happening, Hello, Measured, encode

Decide = Callable[[Happening], LineEffect | None]


class FakeApp:
    """Listens on a Unix socket; `decide` gives the next effect, None acknowledges.

    Attributes:
        happenings: everything that was told, in order.
        silent: take happenings without answering them.
    """

    def __init__(self, socket: Path, decide: Decide) -> None:
        self.socket = socket
        self.decide = decide
        self.happenings: list[Happening] = []
        self.hellos: list[Hello] = []
        self.measured: list[dict[str, float]] = []
        self.silent = False
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.socket)

    async def stop(self) -> None:
        """Vanish as a killed process does."""
        if self._server is None:
            return
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._serving)
        self.socket.unlink(missing_ok=True)
        self._server = None

    def events(self, call: str = "") -> list[Event]:
        return [told.event for told in self.happenings if call in ("", told.call)]

    async def until(self, condition: Callable[[], bool], limit_s: float = 20) -> None:
        """Wait until `condition` holds."""
        async with asyncio.timeout(limit_s), self._changed:
            await self._changed.wait_for(condition)

    async def answer_again(self, told: Happening) -> None:
        """Answer a happening that was left without an answer."""
        await self.send(self._answer(told))

    async def send(self, *frames: Frame) -> None:
        """Send frames to the line."""
        for writer in self._writers:
            writer.writelines(encode(frame) for frame in frames)
            await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        decoder = Decoder()
        try:
            while data := await reader.read(65_536):
                for frame in decoder.feed(data):
                    await self._received(frame, writer)
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _received(self, frame: Frame, writer: asyncio.StreamWriter) -> None:
        async with self._changed:
            if isinstance(frame, Hello):
                self.hellos.append(frame)
                writer.write(encode(Hello("app", "fake")))
            elif isinstance(frame, Measured):
                self.measured.append(frame.counters)
            elif isinstance(frame, Happening):
                self.happenings.append(frame)
                if not self.silent:
                    writer.write(encode(self._answer(frame)))
            self._changed.notify_all()

    def _answer(self, told: Happening) -> Command | Acknowledged:
        effect = self.decide(told)
        if effect is None:
            return Acknowledged(told.number, told.call)
        return Command(told.number, told.call, told.turn + 1, effect)
