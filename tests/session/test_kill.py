"""The reception is killed again and again: whoever was told something finds it kept, nobody is forgotten."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sqlmodel import select

from callflow.store import Call, Card, Intent, Link
from tests.support.reception import sessions
from tests.support.stores import Clock, open_store

KILLS, SEED = 6, 7


async def test_after_every_kill_what_callers_were_told_is_on_disk_and_no_call_is_forgotten(
    tmp_path: Path,
) -> None:
    open_store(tmp_path).close()
    script = Path(__file__).parents[1] / "support" / "mortal_reception.py"
    told = subprocess.run(  # noqa: ASYNC221  nothing else is to happen meanwhile
        [sys.executable, str(script), str(tmp_path), str(KILLS), str(SEED)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=220,
        env={**os.environ, "PYTHONPATH": "."},
    )
    words = [
        line.split() for line in told.stdout.decode().splitlines() if line.startswith(("begun ", "link "))
    ]
    begun = {call for word, call in words if word == "begun"}
    promised = {call for word, call in words if word == "link"}
    assert len(promised) > KILLS  # the shifts got somewhere

    store = open_store(tmp_path)
    await sessions(store, Clock()).lost("sip", ())
    calls = store.read_now(lambda tx: tx.exec(select(Call)).all())
    links = Counter(link.call_id for link in store.read_now(lambda tx: tx.exec(select(Link)).all()))
    intents = Counter(intent.call_id for intent in store.read_now(lambda tx: tx.exec(select(Intent)).all()))
    cards = Counter(card.call_id for card in store.read_now(lambda tx: tx.exec(select(Card)).all()))
    store.close()

    assert begun <= {call.id for call in calls}
    assert all(call.ended_at for call in calls)
    assert promised <= links.keys()
    assert links == intents
    for call in calls:
        assert (links[call.id], cards[call.id]) in ((1, 0), (0, 1))
