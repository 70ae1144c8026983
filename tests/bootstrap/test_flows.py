"""A house's flows: a broken file stops the first start, later it changes nothing; a change needs no deed."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callflow.bootstrap import first_run
from callflow.bootstrap.app import build
from callflow.bootstrap.flows import Shelf, check_flows, shelf, versions
from callflow.bootstrap.places import Options, settings
from callflow.language import FlowErrors
from callflow.settings import Settings
from tests.support.flows import ROOT

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
NUMBER = "+4935112345600"


@pytest.fixture
def house(tmp_path: Path) -> Settings:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return settings(Options(tmp_path / "data", tmp_path / "config", ROOT / "ivr_prompts"))


def change(house: Settings, file: str, old: str, new: str) -> None:
    path = house.config / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def refreshed(flows: Shelf) -> list[str]:
    with capture_logs() as logs:
        flows.refresh(AT)
    return [entry["event"] for entry in logs]


def test_a_broken_flow_stops_the_first_start(house: Settings) -> None:
    change(house, "flows/praxis.yaml", "destination: empfang", "destination: keiner")
    with pytest.raises(FlowErrors) as refusal:
        check_flows(house)
    assert [problem.code for problem in refusal.value.problems] == ["destination-unknown"]


def test_a_changed_flow_comes_into_force_and_calls_under_way_keep_theirs(house: Settings) -> None:
    flows = shelf(house)
    before = flows.of_number(NUMBER)
    change(house, "flows/praxis.yaml", "prompt: goodbye", "text: Auf Wiedersehen.")
    assert refreshed(flows) == ["flow in force"]
    assert flows.of_number(NUMBER).version != before.version
    assert flows.of_version("praxis", before.version) == before


def test_a_flow_broken_later_changes_nothing_and_its_reason_is_in_the_log(house: Settings) -> None:
    flows = shelf(house)
    before = flows.of_number(NUMBER)
    change(house, "flows/praxis.yaml", "prompt: goodbye", "prompt: nie")
    with capture_logs() as logs:
        flows.refresh(AT)
    assert flows.of_number(NUMBER) == before
    (entry,) = logs
    assert entry["event"] == "flow refused"
    assert "praxis.yaml" in entry["problems"][0]
    assert refreshed(flows) == []


def test_changed_hours_come_into_force_and_broken_ones_do_not(house: Settings) -> None:
    flows = shelf(house)
    monday = datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert not flows.is_open(monday)
    change(house, "hours.yaml", '"14:00-17:00"', '"14:00-20:00"')
    assert refreshed(flows) == ["hours in force"]
    assert flows.is_open(monday)
    change(house, "hours.yaml", '"14:00-20:00"', '"14:00-13:00"')
    assert refreshed(flows) == ["hours refused"]
    assert flows.is_open(monday)


def test_prompts_speak_changed_hours_and_not_broken_ones(house: Settings) -> None:
    first_run.folders(house.data)
    rooms = build(house)
    try:
        change(house, "hours.yaml", '"14:00-17:00"', '"14:00-20:00"')
        rooms.flows.refresh(AT)
        change(house, "hours.yaml", '"14:00-20:00"', '"14:00-13:00"')
        rooms.flows.refresh(AT)
        assert rooms.studio.facts["de"]["practice.hours"].startswith(
            "Wir sind montags von 8 bis 12 Uhr und von 14 bis 20 Uhr,"
        )
    finally:
        rooms.store.close()


def test_a_rollback_outlives_a_restart(house: Settings) -> None:
    first = shelf(house).of_number(NUMBER)
    change(house, "flows/praxis.yaml", "prompt: goodbye", "text: Auf Wiedersehen.")
    shelf(house)
    versions(house).rollback("praxis", first.version, "chefin", AT)
    assert shelf(house).of_number(NUMBER) == first


def test_a_lost_version_is_replaced_by_the_one_in_force(house: Settings) -> None:
    flows = shelf(house)
    assert flows.of_version("praxis", "0123456789abcdef") == flows.of_number(NUMBER)


def test_an_unknown_number_gets_the_first_flow(house: Settings) -> None:
    flows = shelf(house)
    assert flows.of_number("+4900000") == flows.of_number(NUMBER)


async def test_whatever_goes_wrong_with_the_files_the_watch_goes_on(
    house: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows, looked = shelf(house), asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    def spoilt(*_: object) -> None:
        loop.call_soon_threadsafe(looked.release)
        raise ValueError("not JSON")

    monkeypatch.setattr("callflow.bootstrap.flows.EVERY", 0.0)
    monkeypatch.setattr(Shelf, "refresh", spoilt)
    watching = asyncio.create_task(flows.watch())
    async with asyncio.timeout(20):
        for _ in range(2):
            await looked.acquire()
    assert not watching.done()
    watching.cancel()
