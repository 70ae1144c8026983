"""The whole reception under load: `rufweiche serve` with the example practice, flow, database and web."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.bench._phones import Load, hold
from tests.bench._subjects import Subject
from tests.bench._watched import usage
from tests.calls_live.served import reception

RATE = 50


def loads(levels: tuple[int, ...]) -> list[Load]:
    """Return one load per level, on one reception; CPU time and memory are those of all its processes."""
    with tempfile.TemporaryDirectory(prefix="rufweiche-bench-") as folder:
        return asyncio.run(_loads(Path(folder), levels))


async def _loads(folder: Path, levels: tuple[int, ...]) -> list[Load]:
    async with reception(folder) as house:
        port = int(house.uri.rpartition(":")[2])
        root = _parent(house.app_pid())
        subject = Subject("rufweiche serve", port, lambda: usage(root))
        return [await asyncio.to_thread(hold, subject, calls, rate=RATE, speech=True) for calls in levels]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
