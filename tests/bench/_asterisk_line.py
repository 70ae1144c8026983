"""Our Asterisk line with an app that plays two prompts in turn: `python -m tests.bench._asterisk_line FILE`.

FILE is JSON: plan, secret, sounds and recordings as this machine and as Asterisk sees them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Collection
from pathlib import Path

import structlog

from callflow.effects import Gather
from callflow.events import Event, HungUp
from callflow.plan import AsteriskLine as Entry
from callflow.plan import Plan
from callflow.session import Reaction
from sip.ami import Access
from sip.asterisk import AsteriskLine
from sip.asterisk_call import Desk
from sip.sounds import Sounds
from tests.bench._line_app import CLIPS
from tests.bench._subjects import PROMPTS


class TwoPrompts:
    """Sessions that remember nothing."""

    async def happened(self, _call: str, turn: int, event: Event) -> Reaction:
        """Play the other prompt than before."""
        if isinstance(event, HungUp):
            return Reaction(turn)
        return Reaction(turn + 1, Gather((CLIPS[turn % 2],), first_ms=600_000))

    async def lost(self, _line: str, _holding: Collection[str]) -> list[str]:
        """Nothing is kept that could be lost."""
        return []


async def _nowhere(_name: str, _sound: bytes) -> bool:
    return False


def _frames(key: str) -> bytes:
    sounds = {clip.key: bytes([value]) * (8 * clip.ms) for clip, value in zip(CLIPS, PROMPTS, strict=True)}
    return sounds[key]


async def main(told: dict[str, str]) -> None:
    """Hold the line until killed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    plan = Plan.model_validate_json(told["plan"])
    ((name, entry),) = plan.lines.items()
    assert isinstance(entry, Entry)
    sounds = Sounds(Path(told["sounds"]), told["sounds_inside"], _frames)
    desk = Desk(plan, TwoPrompts(), sounds, Path(told["recordings"]), told["recordings_inside"], _nowhere)  # type: ignore[arg-type]  # as much of Sessions as a line asks
    line = AsteriskLine(name, Access(entry.host, entry.port, entry.username, told["secret"]), desk)
    async with asyncio.TaskGroup() as group:
        group.create_task(line.run())
        await line.taken_up.wait()
        print("ready", flush=True)  # noqa: T201  # awaited by the one who measures


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
