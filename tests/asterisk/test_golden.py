"""The golden calls, told over a real Asterisk by callers on the provider's trunk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callflow.plan import Plan
from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_house import Coder, desk, line_up
from tests.support.golden_street import CASES, STATUS, House, Street, answer, tell
from tests.support.left_behind import expected, left_behind
from tests.support.simple_phone import Phone, Talk
from tests.support.stores import open_store

AT_ONCE = 16


async def told(house: House, patient: Phone, port: int, at_once: asyncio.Semaphore) -> None:
    async with at_once:
        await tell(house, patient, port, 30)


def street_plan(ports: practice.Ports) -> Plan:
    entry = {"flow": "praxis", "destination": "empfang"}
    return practice.plan(ports, numbers={f"+4935112340{n:03}": entry for n in range(len(CASES))})


@pytest.fixture(scope="module")
def street(classic: Asterisk, ports: practice.Ports) -> Iterator[tuple[practice.Ports, Plan, Asterisk]]:
    """Our Asterisk with a number for each golden call, beside the same PBX."""
    assert classic.daemon.process.poll() is None
    own = practice.Ports(pbx=ports.pbx, provider=ports.provider)
    plan = street_plan(own)
    asterisk = practice.switch(plan)
    yield own, plan, asterisk
    asterisk.stop()


def becomes(talk: Talk) -> str:
    """Return what the patient's telephone says will become of the transfer."""
    shown = re.match(r'"(\w+)"', talk.invite.get("from"))
    return shown[1] if shown else ""


@pytest.fixture
async def patients(reception: Phone) -> AsyncIterator[dict[str, Phone]]:
    """A telephone for each way in which a transfer may end; the reception knows it by the name it shows."""
    phones = {became: await Phone.open(practice.PROVIDER, "patient") for became in ("", *STATUS)}
    for became, phone in phones.items():
        phone.shown = became
    reception.behaves = lambda talk: STATUS.get(becomes(talk), 200)
    yield phones
    for phone in phones.values():
        phone.close()


@dataclass
class Picked:
    """A reception as its callers see it who get through: its other calls count for nothing."""

    arrived: asyncio.Queue[Talk] = field(default_factory=asyncio.Queue)

    async def take(self, reception: Phone) -> None:
        """Take the calls that the telephone takes."""
        while True:
            talk = await reception.arrived.get()
            if becomes(talk) == "answered":
                self.arrived.put_nowait(talk)


async def test_every_golden_call_goes_over_asterisk_as_it_is_written(
    street: tuple[practice.Ports, Plan, Asterisk],
    reception: Phone,
    patients: dict[str, Phone],
    tmp_path: Path,
) -> None:
    """Many at a time, the longest ones first."""
    ports, plan, asterisk = street
    coder, at_once, picked = Coder(), asyncio.Semaphore(AT_ONCE), Picked()
    taking = asyncio.create_task(picked.take(reception))
    houses = []
    for number, (path, case) in zip(plan.numbers, CASES, strict=True):
        folder = tmp_path / path.stem
        folder.mkdir()
        houses.append(House(number, case, open_store(folder), coder, picked))
    houses.sort(key=lambda house: -len(house.case.story))
    async with line_up(practice.access(ports), desk(asterisk, plan, Street(houses), coder, {})) as line:
        await asyncio.gather(
            *(told(each, patients[answer(each.case)], ports.sip, at_once) for each in houses)
        )
        async with asyncio.timeout(20):
            await line.drained()
    taking.cancel()
    for house in houses:
        assert (house.case.call, left_behind(house.store)) == (house.case.call, expected(house.case))
        house.store.close()
