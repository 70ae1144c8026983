"""Announcing what changed: one line of the feed in the transaction that changed it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from callflow.store.cards import Change
from callflow.store.database import Tx

Topic = Literal["card", "link", "call"]


def announce(tx: Tx, topic: Topic, subject: str, kind: str, *, now: datetime) -> None:
    """Write a line of the change feed; it holds ids only."""
    tx.add(Change(topic=topic, subject=subject, kind=kind, at=now))
    tx.info["changed"] = True
