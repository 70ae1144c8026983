"""The queue of intents: written with their cause, leased by one worker, finished once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import and_, col, func, or_, select

from callflow.outbox.retry import Result
from callflow.outbox.transport import Receipt
from callflow.store import Attempt, Intent, Tx, new_id
from callflow.store.prepared import inserting

_INTENT = inserting(Intent)
FINISHED = ("sent", "failed", "unknown", "cancelled")


class LeaseLostError(Exception):
    """The lease ran out and someone else took the intent; nothing was written."""


@dataclass(frozen=True, slots=True)
class Sms:
    """A text message to be sent.

    Args:
        to: E.164, a mobile number.
        text: what it says; no reason, no specialty, no name of the patient.
        reference: a part of `text` that no other message holds (the link), to find it at the provider.
        purpose: "link" | "reply" | "test".
        expires: after that it need not arrive any more.
        call_id, link_id, card_id: what caused it.
    """

    to: str
    text: str
    reference: str
    purpose: str = "link"
    expires: datetime | None = None
    call_id: str = ""
    link_id: str = ""
    card_id: str = ""


def put_sms(tx: Tx, sms: Sms, *, now: datetime, segments: int = 0) -> str:
    """Queue a text message in the transaction of what caused it; returns the intent's id.

    Raises:
        ValueError: the reference is empty or no part of the text.
    """
    if not sms.reference or sms.reference not in sms.text:
        raise ValueError("an SMS needs a reference that is part of its text")
    intent = new_id()
    values = {
        "id": intent,
        "kind": "sms",
        "purpose": sms.purpose,
        "target": sms.to,
        "body": sms.text,
        "reference": sms.reference,
        "call_id": sms.call_id,
        "link_id": sms.link_id,
        "card_id": sms.card_id,
        "expires_at": sms.expires,
        "segments": segments,
        "created_at": now,
        "next_at": now,
    }
    _INTENT.run(tx, values)
    tx.info["changed"] = True
    return intent


def put_event(tx: Tx, endpoint_id: str, event: str, body: str, *, now: datetime) -> Intent:
    """Queue an outgoing event for one endpoint."""
    intent = Intent(kind="webhook", purpose=event, target=endpoint_id, body=body, created_at=now, next_at=now)
    tx.add(intent)
    tx.flush()
    tx.info["changed"] = True
    return intent


def lease(tx: Tx, kinds: Sequence[str], *, now: datetime, until: datetime) -> Intent | None:
    """Take the next intent that is due, or whose worker died; None when nothing is."""
    queued = and_(col(Intent.status) == "queued", col(Intent.next_at) <= now)
    abandoned = and_(col(Intent.status) == "leased", col(Intent.leased_until) <= now)
    due = select(Intent).where(col(Intent.kind).in_(kinds), or_(queued, abandoned))
    intent = tx.exec(due.order_by(col(Intent.next_at), col(Intent.id)).limit(1)).first()
    if intent is None:
        return None
    intent.status = "leased"
    intent.lease = new_id()
    intent.leased_until = until
    return intent


def next_due(tx: Tx, kinds: Sequence[str]) -> datetime | None:
    """Return when the next intent is due, None when the queue is empty."""
    queued = select(func.min(Intent.next_at)).where(col(Intent.kind).in_(kinds), Intent.status == "queued")
    leased = select(func.min(Intent.leased_until)).where(
        col(Intent.kind).in_(kinds), Intent.status == "leased"
    )
    moments = (tx.exec(queued).one(), tx.exec(leased).one())
    return min((moment for moment in moments if moment is not None), default=None)


def begin(tx: Tx, intent: Intent, transport: str, *, now: datetime) -> None:
    """Note, before anything is sent, that `transport` is given the intent."""
    intent.started = True
    intent.started_at = now
    intent.transport = transport
    intent.attempts += 1
    tx.add(intent)


def held(tx: Tx, intent_id: str, token: str) -> Intent:
    """Return the intent if the lease still holds.

    Raises:
        LeaseLostError: it does not.
    """
    intent = tx.get(Intent, intent_id, populate_existing=True)
    if intent is None or intent.status != "leased" or intent.lease != token:
        raise LeaseLostError(intent_id)
    return intent


def note(tx: Tx, intent: Intent, result: Result, error: str, *, now: datetime) -> None:
    """Write down how a try (or a question) ended."""
    tx.add(
        Attempt(
            intent_id=intent.id,
            number=intent.attempts,
            transport=intent.transport,
            at=now,
            result=result,
            error=error,
        )
    )


def sent(intent: Intent, receipt: Receipt, *, now: datetime) -> None:
    """Finish: the provider took it."""
    intent.provider_id = receipt.provider_id
    intent.segments = receipt.segments or intent.segments
    intent.cost_micros = receipt.cost_micros or intent.cost_micros
    intent.error = ""
    _finish(intent, "sent", now)


def given_up(intent: Intent, status: str, error: str, *, now: datetime) -> None:
    """Finish as "failed" (surely not sent), "unknown" (nobody can tell) or "cancelled"."""
    intent.error = error
    _finish(intent, status, now)


def put_back(intent: Intent, *, at: datetime, error: str) -> None:
    """Give the intent back to the queue until `at`."""
    intent.status = "queued"
    intent.next_at = at
    intent.error = error
    intent.lease = ""
    intent.leased_until = None


def cancel(tx: Tx, intent_id: str, *, now: datetime) -> bool:
    """Take back an intent that no transport was given yet; tells whether that was so."""
    intent = tx.get(Intent, intent_id)
    if intent is None or intent.started or intent.status != "queued":
        return False
    given_up(intent, "cancelled", "", now=now)
    return True


def dead(tx: Tx, *, limit: int = 200) -> Sequence[Intent]:
    """Return the outgoing events that could not be delivered, latest first."""
    lost = select(Intent).where(Intent.kind == "webhook", col(Intent.status).in_(("failed", "unknown")))
    return tx.exec(lost.order_by(col(Intent.finished_at).desc(), col(Intent.id)).limit(limit)).all()


def revive(tx: Tx, intent_id: str, *, now: datetime) -> bool:
    """Put a dead event back into the queue; tells whether there was one of this id. Messages stay dead."""
    intent = tx.get(Intent, intent_id)
    if intent is None or intent.kind != "webhook" or intent.status not in ("failed", "unknown"):
        return False
    put_back(intent, at=now, error="")
    intent.started, intent.tried, intent.attempts, intent.asks = False, "", 0, 0
    intent.finished_at = None
    tx.info["changed"] = True
    return True


def recent(tx: Tx, *, kind: str = "sms", limit: int = 100) -> Sequence[Intent]:
    """Return the newest intents, for the outbox page and the API."""
    newest = select(Intent).where(Intent.kind == kind).order_by(col(Intent.created_at).desc(), col(Intent.id))
    return tx.exec(newest.limit(limit)).all()


def attempts(tx: Tx, intent_id: str) -> Sequence[Attempt]:
    """Return the tries at an intent, oldest first."""
    return tx.exec(select(Attempt).where(Attempt.intent_id == intent_id).order_by(col(Attempt.at))).all()


def _finish(intent: Intent, status: str, now: datetime) -> None:
    intent.status = status
    intent.finished_at = now
    intent.lease = ""
    intent.leased_until = None
    if not _still_needed(intent):
        intent.body = ""
        intent.reference = ""


def _still_needed(intent: Intent) -> bool:
    """Tell whether the body is: a dead event may be sent again, the demo page shows its messages.

    Otherwise it goes: a text message holds the link's token, which stands nowhere else in the clear.
    """
    if intent.kind == "webhook":
        return intent.status in ("failed", "unknown")
    return intent.transport == "console"
