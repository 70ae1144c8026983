"""An app that plays two prompts in turn, one per key: `python -m tests.bench._line_app SOCKET`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from callflow.effects import Clip, Gather, LineEffect
from callflow.events import HungUp
from callflow.frames import Happening
from tests.line.fake_app import FakeApp

CLIP_MS = 30_000
CLIPS = (Clip("clip-bench-a", CLIP_MS), Clip("clip-bench-b", CLIP_MS))


def decide(told: Happening) -> LineEffect | None:
    """Play the other prompt than before."""
    if isinstance(told.event, HungUp):
        return None
    return Gather((CLIPS[told.turn % 2],), first_ms=600_000)


async def main(socket: Path) -> None:
    """Serve until killed, without remembering anything."""
    app = FakeApp(socket, decide)
    app.happenings = _Nothing()
    await app.start()
    await asyncio.Event().wait()


class _Nothing(list[Happening]):
    def append(self, _told: Happening) -> None:
        """Keep nothing: a soak is long."""


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
