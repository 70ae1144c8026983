"""A link whose form is elsewhere: the other side reports that it was sent."""

from __future__ import annotations

from datetime import datetime

from callflow.store import Link, Tx, announce


def submitted(tx: Tx, link_id: str, *, now: datetime) -> bool:
    """End the link and the wait for it; tells whether there is one. A second report changes nothing."""
    link = tx.get(Link, link_id)
    if link is None:
        return False
    if link.submitted_at is None:
        link.submitted_at = now
        announce(tx, "link", link.id, "submitted", now=now)
    if link.fallback == "waiting":
        link.fallback = "cancelled"
    return True
