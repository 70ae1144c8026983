"""What a small caller of ours hears: kept, measured, and waited on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from callflow.g711 import FRAME, RATE, wav
from sip.media.recording import NO_SOUND_DBFS, dbfs

LOUD_DBFS = -45.0  # a 20 ms frame above this is speech or a tone


class Hearing:
    """A media sink that listens like a person: is someone speaking, and for how long has it been quiet?

    Attributes:
        alaw: everything heard so far, 8,000 bytes a second.
        dbfs: level of the newest frame.
        quiet_s: seconds since the last loud frame.
        spoke: something loud was heard since `forget`.
    """

    def __init__(self) -> None:
        self.alaw = bytearray()
        self.dbfs = NO_SOUND_DBFS
        self.quiet_s = 0.0
        self.spoke = False
        self.closed = False
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def write(self, alaw: bytes) -> None:
        """Take some sound."""
        self.alaw += alaw
        self.dbfs = dbfs(alaw)
        loud = self.dbfs > LOUD_DBFS
        self.spoke |= loud
        self.quiet_s = 0.0 if loud else self.quiet_s + len(alaw) / RATE
        self._wake()

    def close(self) -> None:
        """Nothing more will be heard."""
        self.closed = True
        self._wake()

    def forget(self) -> None:
        """Wait for the far side's next words, not its last."""
        self.spoke = False

    async def until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Wait until `condition` holds, the hearing ends or `limit_s` passed; tell whether it holds."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, future))
        self._wake()
        await asyncio.wait((future,), timeout=limit_s)
        self._waiting = [waiting for waiting in self._waiting if waiting[1] is not future]
        return condition()

    async def silence(self, quiet_s: float, limit_s: float) -> bool:
        """Wait until the far side has spoken and then been quiet for `quiet_s`, at most `limit_s`."""
        return await self.until(lambda: self.spoke and self.quiet_s >= quiet_s, limit_s)

    def active_dbfs(self) -> float:
        """Return the level of the loud frames alone."""
        frames = (bytes(self.alaw[at : at + FRAME]) for at in range(0, len(self.alaw), FRAME))
        return dbfs(b"".join(frame for frame in frames if dbfs(frame) > LOUD_DBFS))

    def save(self, path: Path) -> None:
        """Write a WAV file, 16 bits, 8 kHz, mono.

        Raises:
            OSError: the file cannot be written.
        """
        path.write_bytes(wav(bytes(self.alaw)))

    def _wake(self) -> None:
        for condition, future in self._waiting:
            if not future.done() and (self.closed or condition()):
                future.set_result(None)
