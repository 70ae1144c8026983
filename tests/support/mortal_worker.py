"""Outbox workers that are killed again and again: `python mortal_worker.py FOLDER URL KILLS SEED`.

Each worker is a child process with its own database connection; all but the last die by SIGKILL after a
random time. The last one ends by itself when every intent has come to its end.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import col, func, select

from callflow.handlers import Handlers, LinkRules
from callflow.outbox.queue import FINISHED
from callflow.outbox.retry import Policy
from callflow.outbox.twilio import Account, Twilio
from callflow.outbox.worker import Worker
from callflow.store import Intent, Store, Tx
from tests.support.stores import open_store
from tests.support.twilio_standin import SID, TOKEN

POLICY = Policy(
    pauses=(timedelta(seconds=0.1), timedelta(seconds=0.2)),
    asks=(timedelta(seconds=0.1), timedelta(seconds=0.2), timedelta(seconds=0.4)),
    lease=timedelta(seconds=2),
)
SILENCE_S = 0.4  # so long a provider may be silent


def _unfinished(tx: Tx) -> int:
    left = select(func.count()).select_from(Intent).where(col(Intent.status).not_in(FINISHED))
    return tx.exec(left).one()


def _now() -> datetime:
    return datetime.now(UTC)


async def _work(store: Store, url: str, *, to_the_end: bool) -> None:
    handlers = Handlers(LinkRules("https://praxis.example", "Praxis"))
    twilio = Twilio(Account(SID, SID, TOKEN, "+4915735987654", base_url=url), _now, SILENCE_S)
    running = asyncio.create_task(Worker(store, {"sms": [twilio]}, handlers.sms_lost, _now, POLICY).run())
    while not to_the_end or await store.read(_unfinished):  # noqa: ASYNC110  the end shows in the database alone
        await asyncio.sleep(0.1)
    running.cancel()


def _child(folder: Path, url: str, *, to_the_end: bool) -> None:
    store = open_store(folder)
    asyncio.run(_work(store, url, to_the_end=to_the_end))
    store.close()


def main(folder: Path, url: str, kills: int, seed: int) -> None:
    """Run workers one after another."""
    chance = random.Random(seed)  # noqa: S311  reproducible, no secret
    for number in range(kills + 1):
        pid = os.fork()
        if pid == 0:
            _child(folder, url, to_the_end=number == kills)
            os._exit(0)
        if number < kills:
            time.sleep(chance.uniform(0.1, 0.9))
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
