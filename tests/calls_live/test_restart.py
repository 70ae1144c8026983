"""A house whose flow is broken on disk comes back with the flow that callers knew."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from callflow.bootstrap import first_run, in_force
from callflow.bootstrap.flows import shelf
from callflow.bootstrap.places import Options
from tests.calls_live.phones import Baresip
from tests.calls_live.served import ALWAYS_OPEN, ROOT, Reception, reception
from tests.support import rendered

pytestmark = pytest.mark.asyncio(loop_scope="package")
OLD, NEW = "{to: anliegen, concern: ueberweisung}", "{to: anliegen, concern: befund}"
BROKEN = "\n\tx: 1"


async def concern_of_a_call(house: Reception, phone: Baresip, number: str) -> str:
    """Call, choose 2, rather a callback, to this number; return the card's reason."""
    call = await (await phone.dial(house.uri, number)).answered()
    await call.hears()
    await call.press_now("221")
    card = await house.card_of(number)
    await call.hang_up()
    return str(card["concern"])


async def faults_once(house: Reception, status: str) -> list[tuple[str, int]]:
    """Wait until the house stands so (its lines come one by one) and return its faults' files and lines."""
    async with asyncio.timeout(60):
        while True:  # the house has no news of that to wait for
            health = (await house.api.get("/health")).raise_for_status().json()
            if health["status"] == status:
                return [(fault["file"], fault["line"]) for fault in health["faults"]]
            await asyncio.sleep(0.1)


def ran_before(folder: Path) -> Path:
    """Leave what the app of a house leaves that ran and is gone; return the file of its flow."""
    shutil.copytree(ROOT / "config", folder / "config")
    (folder / "config" / "hours.yaml").write_text(ALWAYS_OPEN, encoding="utf-8")
    options = Options(folder / "data", folder / "config", ROOT / "ivr_prompts")
    first_run.folders(options.data)
    assert shelf(*in_force.settings(options)).problems() == ()
    return folder / "config" / "flows" / "praxis.yaml"


async def test_beside_a_broken_flow_callers_hear_the_old_one_until_it_is_mended(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, phone: Baresip
) -> None:
    flow = ran_before(tmp_path)
    text = flow.read_text(encoding="utf-8")
    assert OLD in text
    changed = text.replace(OLD, NEW)
    flow.write_text(changed + BROKEN, encoding="utf-8")
    shelf_of_sound = tmp_path_factory.getbasetemp() / "rendered"
    rendered.lend(shelf_of_sound, tmp_path / "data")
    async with reception(tmp_path) as house:
        rendered.keep(shelf_of_sound, house.data)
        assert await faults_once(house, "degraded") == [("flows/praxis.yaml", changed.count("\n") + 2)]
        assert "started on what was last in force" in (house.data / "log" / "app.log").read_text("utf-8")
        assert await concern_of_a_call(house, phone, "+491711000101") == "ueberweisung"
        flow.write_text(changed, encoding="utf-8")
        assert await faults_once(house, "ok") == []
        assert await concern_of_a_call(house, phone, "+491711000102") == "befund"
