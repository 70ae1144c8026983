"""Five hundred intents, a provider full of faults, and workers that are killed: the ledger must be right."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import select

from callflow.links import link
from callflow.links.link import Offer
from callflow.outbox import queue
from callflow.outbox.queue import Sms
from callflow.store import Card, Intent, Store, Tx
from tests.support.twilio_standin import Behaviour, StandIn, running

INTENTS, KILLS, SEED = 500, 12, 20260302
# What a message meets; seen from one message, faults are far more common here than in life.
FATES: dict[Behaviour, int] = {
    "delivered": 40,
    "silent": 5,
    "429": 10,
    "500_before": 8,
    "500_after": 8,
    "hang_before": 3,
    "hang_after": 3,
    "reset_before": 6,
    "reset_after": 6,
    "garbage_after": 4,
    "opted_out": 3,
    "no_mobile": 3,
    "failed": 2,
}


def _fill(tx: Tx) -> dict[str, str]:
    now = datetime.now(UTC)
    references: dict[str, str] = {}
    for number in range(INTENTS):
        to = f"+49171{1_000_000 + number}"
        offer = Offer(to, "rezept", due=now + timedelta(hours=2), expires=now + timedelta(hours=72))
        token, row = link.create(tx, offer, now=now)
        url = f"https://praxis.example/f/{token}"
        sms = Sms(to, f"Praxis: {url}", url, link_id=row.id)
        references[queue.put_sms(tx, sms, now=now)] = url
    return references


def test_every_intent_comes_to_its_end_and_was_accepted_at_most_once(store: Store, tmp_path: Path) -> None:
    references = store.write_now(_fill)
    tries: Counter[str] = Counter()

    def choose(to: str, _body: str) -> Behaviour:
        tries[to] += 1  # what a message meets depends on itself alone, not on who was sent before it
        chance = random.Random(f"{SEED} {to} {tries[to]}")  # noqa: S311  reproducible, no secret
        return chance.choices(list(FATES), weights=list(FATES.values()))[0]

    with running(StandIn(choose=choose)) as standin:
        worker = Path(__file__).parents[1] / "support" / "mortal_worker.py"
        arguments = [str(tmp_path), standin.url, str(KILLS), str(SEED)]
        subprocess.run(
            [sys.executable, str(worker), *arguments],
            check=True,
            timeout=220,
            env={**os.environ, "PYTHONPATH": "."},
        )
        accepted = {intent: standin.accepted(url) for intent, url in references.items()}

    intents = store.read_now(lambda tx: tx.exec(select(Intent)).all())
    cards = Counter(card.link_id for card in store.read_now(lambda tx: tx.exec(select(Card)).all()))
    ends = Counter(intent.status for intent in intents)
    assert len(intents) == INTENTS
    assert set(ends) == {"sent", "failed", "unknown"}
    assert max(accepted.values()) == 1
    for intent in intents:
        if intent.status == "sent":
            assert accepted[intent.id] == 1
            # its card says "SMS kam nicht an" if the provider reported that at once, else there is none
            assert cards[intent.link_id] == (intent.delivery == "failed")
        else:
            assert cards[intent.link_id] == 1
        if intent.status == "failed":
            assert accepted[intent.id] == 0
    assert [intent.id for intent in intents if intent.body or intent.reference] == []
