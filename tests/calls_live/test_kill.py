"""A house killed with callers in it starts again, beside a broken flow; each of them has a card."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from tests.calls_live.phones import Baresip, BaresipCall
from tests.calls_live.served import Reception, Row, reception
from tests.calls_live.test_restart import BROKEN, NEW, OLD
from tests.support import rendered

pytestmark = pytest.mark.asyncio(loop_scope="package")
SILENT, CHOSEN, PROMISED, LATE = (f"+49171100020{n}" for n in range(4))


def kill(house: Reception) -> None:
    """End every process of the house as a power cut would."""
    log = (house.data / "log" / "serve.log").read_text(encoding="utf-8").splitlines()
    entries = [entry for line in log if (entry := json.loads(line))["event"] == "process started"]
    children = {entry["process"]: int(entry["number"]) for entry in entries}
    supervisor = int(
        Path(f"/proc/{children['app']}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1]
    )
    for number in (supervisor, *children.values()):
        os.kill(number, signal.SIGKILL)


async def health(house: Reception, *reasons: str) -> Row:
    """Wait until the house gives these reasons and all its lines are there."""
    async with asyncio.timeout(60):
        while True:  # the house has no news of that to wait for
            found: Row = (await house.api.get("/health")).raise_for_status().json()
            if found["reasons"] == list(reasons):
                return found
            await asyncio.sleep(0.1)


async def ring(phone: Baresip, uri: str, number: str) -> BaresipCall:
    call = await (await phone.dial(uri, number)).answered()
    await call.hears()
    return call


async def three_callers(house: Reception, phone: Baresip) -> list[BaresipCall]:
    """Call: one listens, one has chosen, one has been promised a callback."""
    silent = await ring(phone, house.second_uri, SILENT)
    chosen = await ring(phone, house.uri, CHOSEN)
    await chosen.press_now("2")
    await house.keys_came(CHOSEN, "2")
    promised = await ring(phone, house.uri, PROMISED)
    await promised.press_now("221")
    await house.card_of(PROMISED)
    return [silent, chosen, promised]


async def test_whoever_was_in_a_call_when_the_house_was_killed_has_a_card_once_it_is_back(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, phone: Baresip
) -> None:
    shelf = tmp_path_factory.getbasetemp() / "rendered"
    rendered.lend(shelf, tmp_path / "data")
    async with reception(tmp_path) as house:
        rendered.keep(shelf, house.data)
        await health(house)
        practice, flow = house.config / "practice.yaml", house.config / "flows" / "praxis.yaml"
        changed = practice.read_text(encoding="utf-8").replace("urgent_minutes: 15", "urgent_minutes: 20")
        practice.write_text(changed, encoding="utf-8")
        assert (await health(house, "restart_needed"))["waiting"] == ["practice.yaml"]
        calls = await three_callers(house, phone)
        text = flow.read_text(encoding="utf-8")
        assert OLD in text
        flow.write_text(text.replace(OLD, NEW) + BROKEN, encoding="utf-8")
        await health(house, "file_broken", "restart_needed")
        kill(house)
    for call in calls:
        await call.hang_up()
    async with reception(tmp_path) as house:
        cards = {number: await house.card_of(number) for number in (SILENT, CHOSEN, PROMISED)}
        assert {number: (card["kind"], card["concern"]) for number, card in cards.items()} == {
            SILENT: ("missed", ""),
            CHOSEN: ("missed", "ueberweisung"),
            PROMISED: ("callback", "ueberweisung"),
        }
        ended = {number: (await house.call_of(number))["outcome"] for number in cards}
        assert ended == {SILENT: "missed", CHOSEN: "missed", PROMISED: "callback"}
        assert [len(await house.kinds_of(number)) for number in cards] == [1, 1, 1]
        now = await health(house, "file_broken")
        assert [fault["file"] for fault in now["faults"]] == ["flows/praxis.yaml"]
        late = await ring(phone, house.uri, LATE)
        await late.press_now("221")
        assert (await house.card_of(LATE))["concern"] == "ueberweisung"
        await late.hang_up()
