"""`make images`: the profile "embedded", with real containers and a real call."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.images.composed import ROOT, Composed, composed, until
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(400)
CALLER = "+491711234567"


@pytest.fixture(scope="module")
def sip() -> int:
    return free_port()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, sip: int) -> Iterator[Composed]:
    plan = {
        "lines": {"telefon": {"kind": "embedded", "host": "127.0.0.1", "port": sip}},
        "destinations": {"empfang": {"kind": "extension", "uri": f"sip:100@127.0.0.1:{free_port()}"}},
        "numbers": {"+4935112345600": {"flow": "praxis", "destination": "empfang", "aliases": ["praxis"]}},
    }
    with composed(tmp_path_factory.mktemp("house"), "embedded", plan) as running:
        running.until_health("healthy", "rufweiche")
        yield running


def call(sip: int, caller: str) -> str:
    """Call the house, ask for a prescription and take the link."""
    command = ("-m", "callflow", "call", "--to", f"sip:praxis@127.0.0.1:{sip}", "--from", caller)
    called = subprocess.run(
        [sys.executable, *command, "--keys", "1,1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return called.stdout


def outcomes(house: Composed) -> list[tuple[str, str]]:
    return sorted((row["number"], row["outcome"]) for row in house.rows("calls"))


def test_a_call_to_the_composed_house_is_answered_and_outlives_a_restart(house: Composed, sip: int) -> None:
    assert "Answered" in call(sip, CALLER)
    kept = outcomes(house)
    assert [number for number, _ in kept] == [CALLER]

    house.compose("restart")
    house.until_health("healthy", "rufweiche")
    assert outcomes(house) == kept
    assert "Answered" in call(sip, "+491711234568")


def test_the_reception_runs_as_its_user_without_rights_on_a_root_that_cannot_be_written(
    house: Composed,
) -> None:
    assert house.run("rufweiche", "id", "-u").strip() == "10001"
    assert house.rights("rufweiche") == ("0" * 16, "0" * 16, "1")
    tried = house.run(
        "rufweiche", "sh", "-c", "for each in /x /etc/x /opt/x; do touch $each 2>&1 || true; done"
    )
    assert tried.count("Read-only file system") == 3
    assert house.run("rufweiche", "stat", "-c", "%a %u", "/data").split() == ["700", "10001"]


def test_a_killed_app_is_started_again_in_its_container(house: Composed) -> None:
    first, container = house.pid("rufweiche", "callflow app"), house.facts("rufweiche")["State"]["StartedAt"]
    house.signal("rufweiche", "KILL", first)
    until(lambda: house.pid("rufweiche", "callflow app") not in {0, first}, "another app", 60)
    house.until_health("healthy", "rufweiche")
    assert house.facts("rufweiche")["State"]["StartedAt"] == container


def test_a_house_whose_app_hangs_is_unhealthy_until_it_works_again(house: Composed) -> None:
    app = house.pid("rufweiche", "callflow app")
    house.signal("rufweiche", "STOP", app)
    house.until_health("unhealthy", "rufweiche")
    house.signal("rufweiche", "CONT", app)
    house.until_health("healthy", "rufweiche")


def test_a_killed_house_is_started_again_by_the_engine_and_has_lost_nothing(house: Composed) -> None:
    kept = outcomes(house)
    house.kill("rufweiche", "rufweiche serve")
    assert outcomes(house) == kept
