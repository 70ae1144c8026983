"""A database with the real migrations in a temporary folder, and a clock that tests set."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from callflow.sealing import Sealer
from callflow.store import Store

KEY = bytes(range(32))
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Berlin
NAME = "rufweiche.db"


@dataclass
class Clock:
    """The present time, moved by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **step: float) -> datetime:
        self.now += timedelta(**step)
        return self.now


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        Store(Path(folder) / NAME, Sealer(KEY)).close()
        return (Path(folder) / NAME).read_bytes()


def open_store(folder: Path) -> Store:
    """Open the folder's database with the tests' key; a new one is a copy of one freshly migrated."""
    path = folder / NAME
    if not path.exists():
        path.write_bytes(_migrated())
    return Store(path, Sealer(KEY))


@contextmanager
def temporary_store() -> Iterator[Store]:
    """Open a store in a folder of its own, for Hypothesis' many examples."""
    folder = Path(tempfile.mkdtemp(prefix="rufweiche-"))
    store = open_store(folder)
    try:
        yield store
    finally:
        store.close()
        shutil.rmtree(folder)


def database_bytes(folder: Path) -> bytes:
    """Return every byte that the database has on disk, its write-ahead log included."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob(f"{NAME}*")))
