"""What became of a sent message: reports may be missing, doubled and out of order, the truth only rises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlmodel import col, select

from callflow.outbox import queue
from callflow.outbox.transport import Delivery, Receipt
from callflow.store import Intent, Tx, announce

LOST: tuple[Delivery, ...] = ("undelivered", "failed")
# A height for each report: the highest ever told counts. Arrival proves more than any report of failure.
_HEIGHT: dict[str, int] = {"": 0, "accepted": 1, "sent": 2, "undelivered": 3, "failed": 4, "delivered": 5}
POLLS = (
    timedelta(seconds=30),
    timedelta(minutes=3),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
)
"""When a message's delivery is asked for, counted from its sending; then nobody asks any more."""

Lost = Callable[[Tx, Intent, datetime], object]
"""What is to happen, in the same transaction, when a message did not reach the person."""


@dataclass(frozen=True, slots=True)
class Report:
    """A provider's word about a message, by webhook or polling.

    Args:
        provider_id: the provider's id of the message, "" when only ours is told.
        delivery: how far it is.
        error: the provider's code, "" for none.
        intent: our id, when the provider gives it back; found by `provider_id` otherwise.
    """

    provider_id: str
    delivery: Delivery
    error: str = ""
    intent: str = ""


def join(one: Delivery, other: Delivery) -> Delivery:
    """Return the higher of two reports."""
    return one if _HEIGHT[one] >= _HEIGHT[other] else other


def told(tx: Tx, report: Report, lost: Lost, *, now: datetime) -> bool:
    """Take a report; tells whether it was about a message of ours.

    A report about a message whose sending was in doubt ends the doubt: the provider has it.
    """
    intent = _find(tx, report)
    if intent is None or (intent.provider_id and report.provider_id not in ("", intent.provider_id)):
        return False
    if intent.started and intent.status in ("queued", "leased", "unknown"):
        queue.note(tx, intent, "found", "report", now=now)
        queue.sent(intent, Receipt(report.provider_id), now=now)
        if intent.link_id:
            announce(tx, "link", intent.link_id, "sent", now=now)
    if intent.status == "sent":
        rise(tx, intent, report.delivery, report.error, lost, now=now)
    return True


def rise(  # noqa: PLR0913  a report, its message, and what follows from it
    tx: Tx, intent: Intent, delivery: Delivery, error: str, lost: Lost, *, now: datetime
) -> None:
    """Raise the message's delivery; the first report that it is lost has its consequence."""
    before = cast("Delivery", intent.delivery)
    after = join(before, delivery)
    if after == before:
        return
    intent.delivery = after
    intent.delivery_at = now
    intent.error = error if after in LOST else ""
    if after in (*LOST, "delivered"):
        intent.poll_at = None
    if after in LOST and before not in LOST:
        lost(tx, intent, now)
    tx.info["changed"] = True


def due(tx: Tx, *, now: datetime, limit: int = 20) -> Sequence[Intent]:
    """Return sent messages whose delivery is to be asked for."""
    waiting = select(Intent).where(Intent.status == "sent", col(Intent.poll_at) <= now)
    return tx.exec(waiting.order_by(col(Intent.poll_at)).limit(limit)).all()


def next_poll(sent_at: datetime, now: datetime) -> datetime | None:
    """Return when to ask next for a message sent at `sent_at`; None: not any more."""
    return next((sent_at + after for after in POLLS if sent_at + after > now), None)


def _find(tx: Tx, report: Report) -> Intent | None:
    if report.intent:
        return tx.get(Intent, report.intent)
    if not report.provider_id:
        return None
    return tx.exec(select(Intent).where(Intent.provider_id == report.provider_id)).first()
