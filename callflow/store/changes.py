"""Announcing what changed: one line of the feed in the transaction that changed it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from callflow.store.cards import Change
from callflow.store.database import Tx
from callflow.store.prepared import inserting

_CHANGE = inserting(Change, but=("number",))
Topic = Literal["card", "link", "call"]


def announce(tx: Tx, topic: Topic, subject: str, kind: str, *, now: datetime) -> None:
    """Write a line of the change feed; it holds ids only."""
    _CHANGE.run(tx, {"topic": topic, "subject": subject, "kind": kind, "at": now})
    tx.info["changed"] = True
