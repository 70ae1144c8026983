"""What a call left in the database, beside what its golden call expects."""

from __future__ import annotations

from sqlmodel import select

from callflow import numbers
from callflow.golden import Case
from callflow.store import Call, Card, Intent, Store

Remains = dict[str, object]


def left_behind(store: Store) -> Remains:
    """Return what the only call left."""
    call = store.read_now(lambda tx: tx.exec(select(Call)).one())
    cards = store.read_now(lambda tx: tx.exec(select(Card)).all())
    sent = store.read_now(lambda tx: tx.exec(select(Intent)).all())
    return {
        "outcome": call.outcome,
        "cards": [(card.kind, card.concern, card.urgency, card.number) for card in cards],
        "sms": [intent.target for intent in sent],
    }


def expected(case: Case) -> Remains:
    """Return what the golden call says it leaves."""
    wanted = case.expects
    return {
        "outcome": wanted.outcome,
        "cards": [(c.card, c.concern, c.urgency, numbers.e164(c.number)) for c in wanted.cards],
        "sms": [numbers.e164(sms.to) for sms in wanted.sms],
    }
