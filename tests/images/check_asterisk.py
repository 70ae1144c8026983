"""`make images`: the profile "asterisk", with real containers, a provider, a PBX and real calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.images.composed import Composed, composed, until
from tests.support.asterisk_site import NUMBER, OURS, PBX, PROVIDER
from tests.support.ports import free_port, sound_ports
from tests.support.simple_phone import Phone, Talk

pytestmark = [pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]
# A message, then the reception: recording and ringing are what the two containers do for each other.
FLOW = """
flow: praxis
start: begruessung
everywhere: {"0": empfang}
nodes:
  begruessung:
    say: {text: Bei einem Notfall wählen Sie bitte 112., then: nachricht}
  nachricht:
    record: {prompt: record_consent, most_seconds: 20, silence_seconds: 10, then: ende, nothing: ende}
  empfang:
    transfer: {destination: empfang, otherwise: ende}
  ende:
    hangup: {prompt: goodbye}
"""


@dataclass(frozen=True)
class Neighbours:
    """The composed house, who calls it and who takes calls."""

    house: Composed
    sip: int
    provider: Phone
    pbx: Phone

    async def call(self, caller: str) -> Talk:
        """Call over the provider's trunk and wait until the house speaks."""
        talk = await self.provider.call(NUMBER, OURS, self.sip, caller=caller)
        await talk.until(lambda: len(talk.sound.heard) > 50, 30)
        return talk


def plan(sip: int, provider: int, pbx: int) -> dict[str, object]:
    """Return a number plan whose trunks are the test's own telephones."""
    return {
        "lines": {
            "anlage": {
                "kind": "asterisk",
                "port": free_port(),
                "bind": OURS,
                "sip_port": sip,
                "rtp_ports": sound_ports(400),
                "sounds": "/sounds",
                "recordings": "/recordings",
            }
        },
        "trunks": {
            "pbx": {"kind": "pbx", "host": PBX, "port": pbx, "check_seconds": 1},
            "amt": {"kind": "provider", "host": PROVIDER, "port": provider, "check_seconds": 1},
        },
        "destinations": {"empfang": {"kind": "extension", "number": "100", "via": "pbx"}},
        "numbers": {NUMBER: {"flow": "praxis", "destination": "empfang"}},
    }


@pytest.fixture(scope="module")
def ports() -> tuple[int, int, int]:
    """Where Asterisk, the provider and the PBX listen."""
    return free_port(), free_port(), free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def around(
    tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int, int]
) -> AsyncIterator[Neighbours]:
    sip, provider, pbx = ports
    phones = [await Phone.open(PROVIDER, "+491711234567", provider), await Phone.open(PBX, "100", pbx)]
    try:
        with composed(tmp_path_factory.mktemp("house"), "asterisk", plan(*ports), flow=FLOW) as house:
            await asyncio.to_thread(house.until_health, "healthy", "rufweiche", "asterisk")
            yield Neighbours(house, sip, *phones)
    finally:
        for phone in phones:
            phone.close()


def recorded(house: Composed) -> int:
    """Return how many bytes Asterisk has recorded of calls under way."""
    return int(house.run("asterisk", "sh", "-c", "cat /recordings/*.alaw 2>/dev/null | wc -c"))


async def test_a_caller_is_recorded_by_asterisk_and_the_message_is_sealed_by_the_reception(
    around: Neighbours,
) -> None:
    talk = await around.call("+491711234501")
    talk.voice = 0x2A
    await asyncio.to_thread(until, lambda: recorded(around.house) > 3 * 8000, "three seconds recorded", 60)
    await talk.press("#")
    async with asyncio.timeout(30):
        await talk.ended.wait()
    (card,) = [row for row in around.house.rows("cards", view="all") if row["number"] == "+491711234501"]
    assert card["kind"] == "voice"
    assert around.house.run("asterisk", "ls", "-A", "/recordings") == ""
    assert around.house.run("rufweiche", "sh", "-c", "ls /data/recordings | wc -l").strip() == "1"


async def test_the_reception_rings_behind_the_pbx_and_is_heard(around: Neighbours) -> None:
    talk = await around.call("+491711234502")
    await talk.press("0")
    async with asyncio.timeout(30):
        rung = await around.pbx.arrived.get()
    rung.voice = 0x11
    await talk.until(lambda: 0x11 in talk.codes, 30)
    talk.hang_up()
    async with asyncio.timeout(30):
        await rung.ended.wait()


async def test_asterisk_runs_as_its_user_without_rights_on_a_root_that_cannot_be_written(
    around: Neighbours,
) -> None:
    house = around.house
    assert house.run("asterisk", "id", "-u").strip() == "10002"
    assert house.rights("asterisk") == ("0" * 16, "0" * 16, "1")
    tried = house.run(
        "asterisk", "sh", "-c", "for f in /x /etc/asterisk/x /sounds/x; do touch $f 2>&1 || true; done"
    )
    assert tried.count("Read-only file system") == 3
    assert house.run("asterisk", "stat", "-c", "%a", "/etc/asterisk/manager.conf").strip() == "640"


async def test_a_killed_asterisk_is_started_again_and_takes_calls(around: Neighbours) -> None:
    await asyncio.to_thread(around.house.kill, "asterisk", "/usr/sbin/asterisk")
    await asyncio.to_thread(around.house.until_health, "healthy", "rufweiche")
    talk = await around.call("+491711234503")
    talk.hang_up()


async def test_an_asterisk_that_hangs_is_unhealthy_until_it_works_again(around: Neighbours) -> None:
    house = around.house
    pid = house.pid("asterisk", "/usr/sbin/asterisk")
    house.signal("asterisk", "STOP", pid)
    await asyncio.to_thread(house.until_health, "unhealthy", "asterisk")
    house.signal("asterisk", "CONT", pid)
    await asyncio.to_thread(house.until_health, "healthy", "asterisk")


async def test_everything_kept_outlives_a_restart_of_both_containers(around: Neighbours) -> None:
    house = around.house
    kept = sorted(row["number"] for row in house.rows("cards", view="all"))
    house.compose("restart")
    await asyncio.to_thread(house.until_health, "healthy", "rufweiche", "asterisk")
    assert sorted(row["number"] for row in house.rows("cards", view="all")) == kept
    talk = await around.call("+491711234504")
    talk.hang_up()
