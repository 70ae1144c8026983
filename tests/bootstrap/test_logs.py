"""Logging serves the calls: a disk that refuses its lines harms nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from callflow import logs


class FullDisk(io.StringIO):
    """A file on a disk that has no room left until told."""

    full = True

    def flush(self) -> None:
        """Write nothing while full."""
        if self.full:
            raise OSError(28, "No space left on device")


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_full_disk_costs_log_lines_and_raises_nothing() -> None:
    disk = FullDisk()
    logs.configure(disk)
    structlog.get_logger("line").warning("the line acts alone", call="c1")
    disk.full = False
    structlog.get_logger("line").info("call over", call="c1")
    assert json.loads(disk.getvalue().splitlines()[-1])["event"] == "call over"
