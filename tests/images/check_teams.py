"""`make images`: the profiles "teams" and "cluster", with real containers and strict stand-ins for Microsoft.

Kamailio's and Asterisk's inner ports are the images' own (5060, 5062, 2223) and must be free.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.images.check_asterisk import plan as classic_plan
from tests.images.composed import Composed, composed
from tests.support.asterisk_site import NUMBER, OURS, PROVIDER
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.simple_phone import Phone
from tests.support.teams_front import FQDN, HOSTS, NAMES, OUTSIDE, FrontPorts
from tests.support.teams_peer import TeamsPeer
from tests.support.teams_site import MOVE, USER, certificates, microsoft
from tests.support.teams_sound import SPEECH

pytestmark = [pytest.mark.timeout(500), pytest.mark.asyncio(loop_scope="module")]
MANAGER = "127.0.0.9"  # stands for the machine that Asterisk runs on, as another one sees it


@dataclass(frozen=True)
class Neighbours:
    """The composed house, who calls it, and Microsoft's data centres."""

    house: Composed
    provider: Phone
    centres: list[TeamsPeer]


def plan(front: FrontPorts, provider: int, pbx: int, *, apart: bool) -> dict[str, object]:
    """Return a number plan whose number has moved to Teams; `apart`: Asterisk on a machine of its own."""
    classic = classic_plan(5060, provider, pbx)
    lines, trunks = classic["lines"], classic["trunks"]
    if apart:
        lines["anlage"] |= {"host": MANAGER, "tls": True, "ca_file": "/config/manager-ca.pem"}
        lines["anlage"] |= {"reception": ["127.0.0.0/8"]}
        lines["anlage"] |= {
            f"manager_{what}": f"/certificates/manager.{what}" for what in ("certificate", "key")
        }
    teams = {
        "kind": "teams",
        "fqdn": FQDN,
        "certificate": "/certificates/sbc.pem",
        "key": "/certificates/sbc.key",
        "ca_file": "/certificates/microsoft-ca.pem",
        "port": front.microsoft,
        "networks": [f"{host}/32" for host in HOSTS],
        "listen": f"{OUTSIDE}:{front.tls}",
        "check_seconds": 1,
    }
    return {
        "lines": lines,
        "trunks": trunks | {"teams": teams},
        "destinations": {
            "empfang": {"number": "100", "via": "pbx", "teams": "empfang_teams"},
            "empfang_teams": {"kind": "teams", "number": USER, "via": "teams"},
        },
        "numbers": {NUMBER: {"flow": "praxis", "destination": "empfang", "migration": MOVE}},
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["teams", "cluster"])
async def around(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Neighbours]:
    folder: Path = tmp_path_factory.mktemp("house")
    front, authority, pbx = FrontPorts(), Authority(), free_port()
    manager = authority.pair(MANAGER)
    papers = certificates(authority, FQDN) | {
        "manager.certificate": manager.certificate,
        "manager.key": manager.key,
    }
    names = [f"{name}:{host}" for name, host in zip(NAMES, HOSTS, strict=True)]
    provider = await Phone.open(PROVIDER, "+491711234567")
    wanted = plan(front, provider.port, pbx, apart=request.param == "cluster")
    services = {"kamailio": {"extra_hosts": names}}
    try:
        async with microsoft(authority, front, tmp_path_factory.mktemp("microsoft"), centres=1) as centres:
            with composed(
                *(folder, request.param, wanted),
                certificates=papers,
                services=services,
                beside={"manager-ca.pem": authority.certificate},
            ) as house:
                await asyncio.to_thread(house.until_health, "healthy", "asterisk", "kamailio", "rtpengine")
                await centres[0].probed()
                yield Neighbours(house, provider, centres)
    finally:
        provider.close()


async def speak_with_teams(around: Neighbours, caller: str) -> None:
    """Call the practice, ask for the reception, and hear the Teams user as they hear us."""
    first = around.centres[0]
    talk = await around.provider.call(NUMBER, OURS, 5060, caller=caller)
    await talk.until(lambda: len(talk.sound.heard) > 50, 30)
    await talk.press("0")
    async with asyncio.timeout(30):
        call = await first.calls.get()
    await call.sound.until(10)
    await talk.until(lambda: sum(payload == SPEECH for _, payload in talk.sound.heard) > 10, 30)
    talk.hang_up()
    async with asyncio.timeout(30):
        await call.ended.wait()
    assert (first.refused, call.sound.rejected) == ([], 0)


async def test_a_moved_number_rings_in_teams_and_both_hear_each_other(around: Neighbours) -> None:
    await speak_with_teams(around, "+491711234567")


@pytest.mark.parametrize("service", ["kamailio", "rtpengine"])
async def test_the_front_runs_as_its_user_without_rights_on_a_root_that_cannot_be_written(
    service: str, around: Neighbours
) -> None:
    house = around.house
    assert house.run(service, "id", "-u").strip() == "10003"
    assert house.rights(service) == ("0" * 16, "0" * 16, "1")
    tried = house.run(service, "sh", "-c", "for f in /x /etc/kamailio/x; do touch $f 2>&1 || true; done")
    assert tried.count("Read-only file system") == 2


@pytest.mark.parametrize("service", ["kamailio", "rtpengine"])
async def test_a_front_that_hangs_is_unhealthy_until_it_works_again(service: str, around: Neighbours) -> None:
    house = around.house
    pids = [pid for pid, line in house.processes(service).items() if f"bin/{service}" in line]
    for pid in pids:
        house.signal(service, "STOP", pid)
    await asyncio.to_thread(house.until_health, "unhealthy", service)
    for pid in pids:
        house.signal(service, "CONT", pid)
    await asyncio.to_thread(house.until_health, "healthy", service)


async def test_a_front_that_was_killed_is_started_again_and_calls_go_on(around: Neighbours) -> None:
    for service in ("kamailio", "rtpengine"):
        await asyncio.to_thread(around.house.kill, service, f"bin/{service}")
    around.centres[0].forget()
    await around.centres[0].probed()
    await speak_with_teams(around, "+491711234568")
