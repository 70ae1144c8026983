"""A real Asterisk with the configuration that we render, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from callflow.store import Store
from tests.support import asterisk_site as practice
from tests.support import rendered
from tests.support.asterisk_box import Asterisk
from tests.support.asterisk_pbx import pbx, telephone
from tests.support.simple_phone import Phone
from tests.support.stores import open_store


@pytest.fixture(scope="session")
def ports() -> practice.Ports:
    return practice.Ports()


@pytest.fixture(scope="session")
def switch(ports: practice.Ports) -> Iterator[Asterisk]:
    """Our Asterisk."""
    asterisk = practice.switch(practice.plan(ports))
    yield asterisk
    asterisk.stop()


@pytest.fixture(scope="session")
def classic(ports: practice.Ports) -> Iterator[Asterisk]:
    """The practice's old PBX with the reception (100) and the laboratory (101)."""
    asterisk = pbx(ports.pbx, ports.sip, {"100": ports.reception, "101": ports.laboratory, "102": 0})
    yield asterisk
    asterisk.stop()


@pytest.fixture(scope="session", autouse=True)
def speaking(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[rendered.Speaking | None]:
    """Prompts for the house that one test kills, rendered while those before it wait for telephones."""
    if not any(item.path.name == "test_kill.py" for item in request.session.items):
        yield None
        return
    with rendered.speaking(tmp_path_factory.getbasetemp() / "rendered") as begun:
        yield begun


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
async def reception(ports: practice.Ports) -> AsyncIterator[Phone]:
    """The telephone at the reception."""
    async with telephone(practice.PHONES, "100", ports.reception) as phone:
        yield phone


@pytest.fixture
async def patient(ports: practice.Ports) -> AsyncIterator[Phone]:
    """Somebody who calls over the provider's trunk."""
    async with telephone(practice.PROVIDER, "+491711234567", ports.provider) as phone:
        yield phone


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that runs many tests at once is slow: only the test that kills the house keeps real limits.

    Its house is a process of its own and does not see these.
    """
    monkeypatch.setattr("sip.asterisk.GRACE_S", 15)
    monkeypatch.setattr("sip.asterisk_call.DECIDE_S", 10.0)
