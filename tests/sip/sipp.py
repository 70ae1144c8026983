"""sipp, an independent SIP peer, with our scenarios."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.ports import free_port

SCENARIOS = Path(__file__).parent / "scenarios"
SIPP = shutil.which("sipp")


class Sipp:
    """One run of sipp; `port` is its own."""

    def __init__(
        self, scenario: str, folder: Path, target: str = "127.0.0.1:9", *more: str, limit_s: float = 40
    ) -> None:
        self.port = free_port()
        self._folder = folder
        self._limit_s = limit_s
        self._arguments = [
            *("-sf", str(SCENARIOS / f"{scenario}.xml"), "-m", "1", "-i", "127.0.0.1", "-p", str(self.port)),
            *("-nostdin", "-timeout", "30", "-timeout_error", "-trace_err", "-au", "anna", "-ap", "geheim"),
            *more,
            target,
        ]

    @asynccontextmanager
    async def started(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run it until the block ends, at most; it can be called at once."""
        assert SIPP
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            SIPP, *self._arguments, cwd=self._folder, stdout=pipe, stderr=pipe
        )
        try:
            await bound(self.port, process)
            yield process
        finally:  # a test that fails leaves nothing to the next
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def run(self) -> None:
        """Run to the end; a scenario that did not go as written fails with sipp's own words."""
        async with self.started() as process:
            await self.ended(process)

    async def ended(self, process: asyncio.subprocess.Process) -> None:
        _, errors = await asyncio.wait_for(process.communicate(), self._limit_s)
        logs = "".join(path.read_text(errors="replace") for path in self._folder.glob("*_errors.log"))
        assert process.returncode == 0, errors.decode(errors="replace") + logs


async def bound(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until a process has this UDP port, or is over already."""
    async with asyncio.timeout(30):
        while process.returncode is None and not _is_bound(port):  # noqa: ASYNC110  # another process binds it
            await asyncio.sleep(0.02)


def _is_bound(port: int) -> bool:
    return f":{port:04X} " in Path("/proc/net/udp").read_text(encoding="ascii")
