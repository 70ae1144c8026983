"""sipp, an independent SIP peer, with our scenarios."""

from __future__ import annotations

import asyncio
import shutil
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

    async def start(self) -> asyncio.subprocess.Process:
        assert SIPP
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            SIPP, *self._arguments, cwd=self._folder, stdout=pipe, stderr=pipe
        )

    async def run(self) -> None:
        """Run to the end; a scenario that did not go as written fails with sipp's own words."""
        await self.ended(await self.start())

    async def ended(self, process: asyncio.subprocess.Process) -> None:
        _, errors = await asyncio.wait_for(process.communicate(), self._limit_s)
        logs = "".join(path.read_text(errors="replace") for path in self._folder.glob("*_errors.log"))
        assert process.returncode == 0, errors.decode(errors="replace") + logs
