"""The database: one writer, several readers, commits that are on disk when they return."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlmodel import Session

from callflow.sealing import Sealer, SealError
from callflow.store import migrate
from callflow.store.people import Fact
from callflow.store.row import place
from callflow.store.writer import Order, Writer

Tx = Session
T = TypeVar("T")
Work = Callable[[Tx], T]
_READERS = 4
_BUSY_MS = 10_000
_KEY_CHECK = "key check"


class WrongKeyError(RuntimeError):
    """The key file does not belong to this database."""


class DatabaseFileError(RuntimeError):
    """The database file cannot be opened or brought to the newest form; the text says why, German first."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} ist nicht zu gebrauchen ({why}). Ist die Datei beschädigt, hilft die letzte Sicherung "
            "mit ihrer Schlüsseldatei; ist sie neuer als dieses Programm, das neuere Programm.\n"
            f"{path} cannot be used ({why}). If it is damaged, restore the last backup with its key file; "
            "if it is newer than this program, install the newer program."
        )


class Store:
    """Transactions on one database file.

    Every write runs alone, in the one writer thread, and stands or falls alone, though writes that wait for
    the disk share a commit; when `write` returns, it is on disk (WAL, synchronous=FULL). Rows stay readable
    after their transaction.

    Args:
        path: the database file; made, and brought to the newest schema, when opened.
        sealer: seals and opens personal columns.

    Raises:
        DatabaseFileError: the file cannot be used.
        WrongKeyError: the database was written with another key.
    """

    def __init__(self, path: Path, sealer: Sealer) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.sealer = sealer
        self._listeners: list[Callable[[], object]] = []
        self._file = _engine(path, readers=0)
        try:
            with self._file.connect() as connection:
                migrate.upgrade(connection)
        except (DatabaseError, CommandError) as error:
            self._file.dispose()
            raise DatabaseFileError(path, str(getattr(error, "orig", error))) from error
        self._writer = Writer(self._file, {"sealer": sealer}, self._committed)
        self._reader = _engine(path, readers=_READERS)
        self._reading = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        try:
            self.write_now(self._check_key)
        except Exception:
            self.close()
            raise

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a write transaction and return its result once it is on disk.

        An exception of `work` rolls everything back and is raised here.
        """
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()
        self._writer.put(Order(work, waiting, loop))
        return await waiting

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a read transaction: it sees one moment of the database and cannot change it."""
        return await asyncio.wrap_future(self._reading.submit(self._look, work))

    def write_now(self, work: Work[T]) -> T:
        """As `write`, for callers without an event loop (threads, commands, tests)."""
        waiting: Future[T] = Future()
        self._writer.put(Order(work, waiting))
        return waiting.result()

    def read_now(self, work: Work[T]) -> T:
        """As `read`, for callers without an event loop."""
        return self._reading.submit(self._look, work).result()

    def on_commit(self, listener: Callable[[], object]) -> None:
        """Have `listener` called in the writer thread after every commit that changed the feed."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Finish what is under way and close the file."""
        self._writer.close()
        self._reading.shutdown()
        self._reader.dispose()
        self._file.dispose()

    def _committed(self) -> None:
        for listener in self._listeners:
            listener()

    def _look(self, work: Work[T]) -> T:
        with Session(self._reader, expire_on_commit=False, info={"sealer": self.sealer}) as tx, tx.begin():
            return work(tx)

    def _check_key(self, tx: Tx) -> None:
        where = place("facts", "value", _KEY_CHECK)
        fact = tx.get(Fact, _KEY_CHECK)
        if fact is None:
            tx.add(Fact(name=_KEY_CHECK, value=self.sealer.seal(b"rufweiche", where).hex()))
            return
        try:
            self.sealer.unseal(bytes.fromhex(fact.value), where)
        except SealError as error:
            raise WrongKeyError(
                "Die Schlüsseldatei gehört nicht zu dieser Datenbank; beide aus derselben Sicherung nehmen.\n"
                "The key file does not belong to this database; restore both from the same backup."
            ) from error


def sqlite_version() -> str:
    """Return the version of the SQLite library in use (WAL-reset fault fixed in 3.51.3)."""
    return sqlite3.sqlite_version


def _engine(path: Path, *, readers: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=readers or 1,
        max_overflow=0,
        hide_parameters=True,  # an error's text goes to the log
        connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own handling would begin DEFERRED and late; "begin" below says it ourselves.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        if readers:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if readers else "BEGIN IMMEDIATE")

    return engine
