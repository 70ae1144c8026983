"""A real Asterisk with the configuration that we render, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import asterisk_site as practice
from tests.support.asterisk_box import Asterisk


@pytest.fixture(scope="session")
def ports() -> practice.Ports:
    return practice.Ports()


@pytest.fixture(scope="session")
def switch(ports: practice.Ports) -> Iterator[Asterisk]:
    """Our Asterisk."""
    asterisk = practice.switch(practice.plan(ports))
    yield asterisk
    asterisk.stop()
