"""An SBC and Microsoft's data centres that stay up through the tests of this folder, in one event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_pbx import telephone
from tests.support.simple_phone import Phone
from tests.support.teams_peer import TeamsPeer
from tests.support.teams_site import Sbc, microsoft
from tests.support.teams_site import sbc as start


@pytest.fixture(scope="session")
def sbc(classic: Asterisk, ports: practice.Ports) -> Iterator[Sbc]:
    assert classic.daemon.process.poll() is None
    started = start(ports)
    yield started
    started.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def standing(sbc: Sbc, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[TeamsPeer]]:
    folder: Path = tmp_path_factory.mktemp("microsoft")
    async with microsoft(sbc.authority, sbc.front_ports, folder) as peers:
        for peer in peers:
            await peer.probed()
        yield peers


@pytest_asyncio.fixture(loop_scope="session")
async def centres(standing: list[TeamsPeer]) -> AsyncIterator[list[TeamsPeer]]:
    """Microsoft's three data centres, all well."""
    for peer in standing:
        peer.forget()
    yield standing
    for peer in standing:
        peer.forget()


@pytest_asyncio.fixture(loop_scope="session")
async def patient(sbc: Sbc) -> AsyncIterator[Phone]:
    """Somebody who calls over the provider's trunk."""
    async with telephone(practice.PROVIDER, "+491711234567", sbc.ports.provider) as phone:
        yield phone


@pytest_asyncio.fixture(loop_scope="session")
async def reception(ports: practice.Ports) -> AsyncIterator[Phone]:
    """The telephone at the reception, an extension of the PBX."""
    async with telephone(practice.PHONES, "100", ports.reception) as phone:
        yield phone


@pytest.fixture(autouse=True)
def long_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent data centre is left after two seconds; the ringing must last longer."""
    monkeypatch.setattr("tests.support.asterisk_house.RING_MS", 8000)


@pytest_asyncio.fixture(loop_scope="session")
async def no_centres(centres: list[TeamsPeer]) -> AsyncIterator[None]:
    """Microsoft is away for the length of a test."""
    for peer in centres:
        await peer.close()
    yield
    for peer in centres:
        await peer.back()
