"""The one writer: whatever waits while a commit is under way shares the next one.

A commit costs the same fsync for one transaction as for many. So the writer takes all work that waits (at
most `TOGETHER`), runs each inside a savepoint of its own, commits once, and only then tells each how it
ended. Work that fails is rolled back alone.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import structlog
from sqlalchemy import Connection, Engine
from sqlmodel import Session

TOGETHER = 64
"""Most works that share a commit."""

_log = structlog.get_logger("store")


class LostTransactionError(RuntimeError):
    """SQLite gave up the transaction (disk full, I/O error); nothing of it was kept."""


@dataclass(slots=True)
class Order:
    """Work that waits for the writer.

    Args:
        work: what is to be done in a transaction.
        waiting: future of who wants to know how it ended.
        loop: the event loop that `waiting` belongs to, None for a thread's future.
    """

    work: Callable[[Session], Any]
    waiting: asyncio.Future[Any] | Future[Any]
    loop: asyncio.AbstractEventLoop | None = None
    result: object = None
    error: BaseException | None = None

    def settle(self) -> None:
        """Tell how it ended, in the thread that may."""
        if self.waiting.done():  # whoever waited was cancelled; what was committed stays
            return
        if self.error is None:
            self.waiting.set_result(self.result)
        else:
            self.waiting.set_exception(self.error)


class Writer:
    """Runs work on one connection, in one thread, in groups.

    Args:
        engine: of a pool of one; its transactions begin IMMEDIATE.
        info: given to each session.
        committed: called in the writer thread after a commit that changed the feed.
    """

    def __init__(self, engine: Engine, info: dict[str, object], committed: Callable[[], None]) -> None:
        self._engine = engine
        self._info = info
        self._committed = committed
        self._orders: deque[Order] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._connection: Connection | None = None

    def put(self, order: Order) -> None:
        """Have the order done.

        Raises:
            RuntimeError: the writer is closed.
        """
        with self._lock:
            if not self._busy:
                self._thread.submit(self._empty)
                self._busy = True
            self._orders.append(order)

    def close(self) -> None:
        """Finish what waits."""
        self._thread.shutdown()
        self._hang_up()

    def _empty(self) -> None:
        while orders := self._next():
            self._carry_out(orders)
            _settle(orders)

    def _next(self) -> list[Order]:
        with self._lock:
            orders = [self._orders.popleft() for _ in range(min(TOGETHER, len(self._orders)))]
            self._busy = bool(orders)
            return orders

    def _carry_out(self, orders: list[Order]) -> None:
        """Run the orders in one transaction; each ends with a result or an error."""
        try:
            changed = self._transact(orders)
        except BaseException as error:  # noqa: BLE001  whoever waits must hear of it, whatever it is
            for order in orders:  # nothing was kept; who failed by himself keeps his own reason
                order.error = order.error or error
            self._hang_up()
            return
        if changed:
            self._tell()

    def _transact(self, orders: list[Order]) -> bool:
        connection = self._connection = self._connection or self._engine.connect()
        with connection.begin():
            driver = cast("sqlite3.Connection", connection.connection.driver_connection)
            changes = [_perform(connection, driver, order, self._info) for order in orders]
        return any(changes)

    def _tell(self) -> None:
        try:
            self._committed()
        except Exception as error:  # noqa: BLE001  what is committed stays so, whoever cannot be told
            _log.error("listener failed", why=type(error).__name__)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _perform(
    connection: Connection, driver: sqlite3.Connection, order: Order, info: dict[str, object]
) -> bool:
    """Run one order in its savepoint; tells whether it changed the feed."""
    driver.execute("SAVEPOINT work")
    changed = False
    try:
        changed = _run(connection, order, info | {"driver": driver})
    except BaseException as error:  # noqa: BLE001  it is raised where the order came from
        order.error = error
        _must_last(driver)
        driver.execute("ROLLBACK TO work")
    _must_last(driver)
    driver.execute("RELEASE work")
    return changed


def _run(connection: Connection, order: Order, info: dict[str, object]) -> bool:
    # Nothing in it expires: rows stay readable after their transaction.
    with Session(
        connection, expire_on_commit=False, info=info, join_transaction_mode="create_savepoint"
    ) as session:
        order.result = order.work(session)
        if session.in_transaction():  # prepared statements alone need no unit of work
            session.commit()
        return bool(session.info.get("changed"))


def _must_last(driver: sqlite3.Connection) -> None:
    # Outside a transaction each further statement would commit by itself.
    if not driver.in_transaction:
        raise LostTransactionError("the database gave up the transaction")


def _settle(orders: list[Order]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[Order]] = {}
    for order in orders:
        if order.loop is None:
            order.settle()
        else:
            loops.setdefault(order.loop, []).append(order)
    for loop, waiting in loops.items():
        with suppress(RuntimeError):  # a closed loop: nobody is left to be told
            loop.call_soon_threadsafe(_settle_all, waiting)


def _settle_all(orders: list[Order]) -> None:
    for order in orders:
        order.settle()
