"""A house that dies while its flow is broken on disk comes back with the flow that callers knew."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.calls_live.served import ROOT, Reception, reception
from tests.support import rendered

OLD, NEW = "{to: anliegen, concern: ueberweisung}", "{to: anliegen, concern: befund}"
BROKEN = "\n\tx: 1"


async def concern_of_a_call(house: Reception, number: str) -> str:
    """Call with `rufweiche call`, choose 2, rather a callback, to this number; return the card's reason."""
    call = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callflow", "call", "--to", house.uri, "--from", number, "--keys", "2,2,1"),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(90):
        assert await call.wait() == 0
    return str((await house.card_of(number, 60))["concern"])


async def standing(house: Reception) -> tuple[str, list[tuple[str, int]]]:
    health = (await house.api.get("/health")).raise_for_status().json()
    return health["status"], [(fault["file"], fault["line"]) for fault in health["faults"]]


async def test_after_a_power_cut_beside_a_broken_flow_callers_hear_the_old_one_until_it_is_mended(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shelf = tmp_path_factory.getbasetemp() / "rendered"
    rendered.lend(shelf, tmp_path / "data")
    async with reception(tmp_path) as house:
        rendered.keep(shelf, house.data)
        assert await standing(house) == ("ok", [])
        flow = house.config / "flows" / "praxis.yaml"
        text = flow.read_text(encoding="utf-8")
        assert OLD in text
        changed = text.replace(OLD, NEW)
        flow.write_text(changed + BROKEN, encoding="utf-8")
        await house.kill()
    async with reception(tmp_path) as house:
        line = changed.count("\n") + 2
        assert await standing(house) == ("degraded", [("flows/praxis.yaml", line)])
        assert "started on what was last in force" in (house.data / "log" / "app.log").read_text("utf-8")
        assert await concern_of_a_call(house, "+491711000101") == "ueberweisung"
        flow.write_text(changed, encoding="utf-8")
        async with asyncio.timeout(60):
            while (await standing(house))[0] != "ok":  # noqa: ASYNC110  the house has no news of that to wait for
                await asyncio.sleep(0.1)
        assert await concern_of_a_call(house, "+491711000102") == "befund"
