"""Real sessions behind a real Asterisk, with speech that tests can recognise byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from callflow.directory import Recognition
from callflow.effects import Clip, Gather, Prompt, Spoken, Transfer
from callflow.events import Event
from callflow.flow import Flow
from callflow.plan import Plan
from callflow.session import Reaction, Sessions
from callflow.store import Store
from sip.ami import Access, Manager, Message
from sip.asterisk import AsteriskLine
from sip.asterisk_call import Desk
from sip.sounds import Sounds
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_site import SECRET
from tests.support.reception import OneFlow, example_flow, handlers

RING_MS = 2000
FRAMES = 6  # of 20 ms in every test prompt
QUIET_CODES = (0x55, 0xD5)


@dataclass
class Coder:
    """Speaks each prompt as a tone of one A-law byte, so that the wire shows which prompt was played."""

    codes: dict[str, int] = field(default_factory=dict)
    frames: int = FRAMES

    async def clips(self, spoken: Sequence[Spoken]) -> tuple[Clip, ...]:
        return tuple(Clip(self.clip(_name(each)), self.frames * 20) for each in spoken)

    def clip(self, name: str) -> str:
        """Return the key of a prompt's clip."""
        return f"prompt-{self.code(name)}"

    def code(self, name: str) -> int:
        free = (n for n in range(1, 250) if n not in QUIET_CODES and n not in self.codes.values())
        return self.codes.setdefault(name, next(free))

    def name(self, code: int) -> str:
        """Return the prompt that a code stands for."""
        return next((name for name, its in self.codes.items() if its == code), f"code {code}")

    def sound(self, key: str) -> bytes:
        """Return a clip's sound; anything else than a prompt is not there."""
        prefix, _, code = key.partition("-")
        if prefix != "prompt":
            raise KeyError(key)
        return bytes([int(code)]) * (160 * self.frames)


def _name(spoken: Spoken) -> str:
    return (spoken.name or spoken.text) if isinstance(spoken, Prompt) else spoken.key


class Hasty:
    """Sessions whose callers think fast: a test must not wait out the seconds that patients get.

    Much less than these, and a machine that is busy for a moment takes time from somebody who is typing.
    """

    def __init__(self, sessions: Sessions, first_ms: int = 10_000, between_ms: int = 5000) -> None:
        self._sessions = sessions
        self._first_ms, self._between_ms = first_ms, between_ms

    async def happened(self, call: str, turn: int, event: Event) -> Reaction:
        reaction = await self._sessions.happened(call, turn, event)
        if isinstance(reaction.effect, Gather):
            quick = replace(
                reaction.effect,
                first_ms=min(reaction.effect.first_ms, self._first_ms),
                between_ms=min(reaction.effect.between_ms, self._between_ms),
            )
            return replace(reaction, effect=quick)
        if isinstance(reaction.effect, Transfer):
            return replace(
                reaction, effect=replace(reaction.effect, ring_ms=min(reaction.effect.ring_ms, RING_MS))
            )
        return reaction

    def __getattr__(self, name: str) -> object:
        return getattr(self._sessions, name)


@dataclass
class Sliding:
    """A clock that starts at a given moment and goes on like the real one."""

    start: datetime
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.start + (datetime.now(UTC) - self.began)


def sessions(store: Store, coder: Coder, at: datetime | None = None, flow: Flow | None = None) -> Sessions:
    """Return the sessions of the example practice or of `flow`; `at`: their clock starts there."""
    clock = Sliding(at) if at else lambda: datetime.now(UTC)
    return Sessions(store, OneFlow(flow or example_flow()), coder, handlers(), Recognition(), clock)


def desk(asterisk: Asterisk, plan: Plan, sessions: object, coder: Coder, kept: dict[str, bytes]) -> Desk:
    """Return the shared parts of a line that works in an instance's folder."""
    folder, inside = asterisk.folder.outside, asterisk.folder.inside

    async def keep(name: str, sound: bytes) -> bool:
        kept[name] = sound
        return True

    sounds = Sounds(folder / "sounds", str(inside / "sounds"), coder.sound)
    return Desk(plan, sessions, sounds, folder / "recordings", str(inside / "recordings"), keep)


@contextlib.asynccontextmanager
async def line_up(
    access: Access, desk: Desk, *, name: str = "anlage", **more: object
) -> AsyncIterator[AsteriskLine]:
    """Run a line until the block ends."""
    line = AsteriskLine(name, access, desk, **more)
    async with running(line):
        async with asyncio.timeout(30):
            await line.taken_up.wait()
        yield line


@contextlib.asynccontextmanager
async def connected(
    port: int, on_event: Callable[[Message], None] = lambda _: None, **more: object
) -> AsyncIterator[Manager]:
    """Log in at a manager on loopback until the block ends."""
    manager = Manager(Access("127.0.0.1", port, "rufweiche", SECRET), on_event, **more)
    async with running(manager):
        await asyncio.wait_for(manager.up.wait(), 20)
        yield manager


@contextlib.asynccontextmanager
async def running(runs: Manager | AsteriskLine) -> AsyncIterator[None]:
    """Let something run until the block ends."""
    task = asyncio.create_task(runs.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
