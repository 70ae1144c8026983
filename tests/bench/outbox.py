"""How fast the outbox empties and calls step, against what the disk allows: one commit after another.

Bringing out an intent costs two commits (given to the transport, finished); an event of a call costs one.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog

from callflow.events import HungUp, PromptFinished
from callflow.outbox import queue
from callflow.outbox.console import Console
from callflow.outbox.queue import Sms
from callflow.outbox.worker import Worker
from callflow.store import Fact, Store, Tx
from tests.bench.rows import Row, write
from tests.support.reception import Telephone, sessions
from tests.support.stores import Clock, open_store

PEER = "bare commits / commits needed"
INTENTS, CALLS, COMMITS, AT_ONCE = 500, 200, 500, 50


def _now() -> datetime:
    return datetime.now(UTC)


def _commits(store: Store) -> float:
    """Return bare commits a second: one small row each."""
    began = time.perf_counter()
    for number in range(COMMITS):
        store.write_now(lambda tx, each=number: tx.add(Fact(name=f"bench {each}", value="x")))
    return COMMITS / (time.perf_counter() - began)


async def _outbox(store: Store) -> float:
    """Return intents brought out a second, from a full queue through a transport that costs nothing."""

    def fill(tx: Tx) -> None:
        for number in range(INTENTS):
            queue.put_sms(tx, Sms("+491711234567", f"Hallo {number}.", f"{number}."), now=_now())

    store.write_now(fill)
    worker = Worker(store, {"sms": [Console(lambda *_: None)]}, lambda *_: None, _now)
    began = time.perf_counter()
    while await worker.once():
        pass
    return INTENTS / (time.perf_counter() - began)


async def _events(store: Store) -> tuple[float, float]:
    """Return events of calls a second, one call after another, and the p99 in ms with many at once."""
    house = sessions(store, Clock())
    began = time.perf_counter()
    for number in range(CALLS):
        phone = await Telephone(house, f"+49171{2_000_000 + number}").dial()
        await phone.tell(PromptFinished())
        await phone.tell(HungUp())
    rate = 3 * CALLS / (time.perf_counter() - began)
    waits = await asyncio.gather(*(_dialled(house, number) for number in range(AT_ONCE)))
    return rate, 1000 * sorted(waits)[int(0.99 * AT_ONCE)]


async def _dialled(house: object, number: int) -> float:
    began = time.perf_counter()
    await Telephone(house, f"+49171{3_000_000 + number}").dial()  # type: ignore[arg-type]
    return time.perf_counter() - began


def intents_row() -> Row:
    """Measure how fast the outbox empties, beside the limit of the commits that it needs."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        commits = _commits(store)
        intents = asyncio.run(_outbox(store))
        store.close()
    return Row("intents brought out, one worker lane", intents, "intents/s", PEER, commits / 2)


def main() -> None:
    """Measure and write var/bench/outbox.json."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    row = intents_row()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        commits = _commits(store)
        events, wait = asyncio.run(_events(store))
        store.close()
    write(
        "outbox",
        [
            row,
            Row("events of calls, one after another", events, "events/s", PEER, commits),
            Row(
                f"answer to a new call p99, {AT_ONCE} at once", wait, "ms", "limit of a line's patience", 1000
            ),
        ],
    )
