"""Fixtures that several rooms share: a fresh database for each test, and a clock that tests set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callflow.store import Store
from tests.support.stores import Clock, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open a database in a folder of the test's own."""
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    """Stop the time at `stores.NOW`."""
    return Clock()
