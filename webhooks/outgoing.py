"""Outgoing events on the wire: signed, repeatable, with a window against replays.

Signed as the Standard Webhooks specification says (https://www.standardwebhooks.com): HMAC-SHA256 over
id.timestamp.body, so that receivers find a library for it. An event may come more than once (we repeat until
it was taken); its `webhook-id` stays the same.
"""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import httpx
import structlog

from callflow.outbox import events
from callflow.outbox.endpoints import SECRET_PREFIX
from callflow.outbox.retry import Policy
from callflow.outbox.transport import CannotAskError, Parcel, Receipt, RefusedError, SendError, TransientError
from callflow.outbox.worker import Worker
from callflow.store import Endpoint, Intent, Store, Tx
from webhooks.safe_http import ForbiddenAddressError, SafeClient

_log = structlog.get_logger("webhooks")
WINDOW: Final = timedelta(minutes=5)
_DAY = (10, 60, 300, 1800, 7200, 21_600, 43_200)  # seconds before each further try, a good day in all
POLICY: Final = Policy(
    pauses=tuple(timedelta(seconds=each) for each in _DAY),
    asks=tuple(timedelta(seconds=each) for each in _DAY),
)
"""How patient outgoing events are; then they are dead letters."""


class SignatureError(ValueError):
    """Not signed with this secret, or too old."""


def signed(secret: str, event_id: str, body: bytes, *, now: datetime) -> dict[str, str]:
    """Return the headers that go with a body."""
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_signature(secret, event_id, timestamp, body)}",
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
    """Check a body that came with these headers: what a receiver must do.

    Raises:
        SignatureError: a header is missing, the signature does not fit, or it is more than 5 minutes old.
    """
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not event_id or not timestamp.isdecimal():
        raise SignatureError("webhook-id or webhook-timestamp is missing")
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        raise SignatureError("outside the time window")
    right = _signature(secret, event_id, timestamp, body)
    given = (each.removeprefix("v1,") for each in headers.get("webhook-signature", "").split())
    if not any(hmac.compare_digest(right, each) for each in given):
        raise SignatureError("the signature does not fit")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Brings events to their endpoints; a transport of the outbox whose targets are endpoint ids.

    Args:
        store: knows the endpoints.
        client: posts safely.
        clock: gives the aware present time.
    """

    store: Store
    client: SafeClient
    clock: Callable[[], datetime]

    @property
    def name(self) -> str:
        """Return "webhook"."""
        return "webhook"

    async def send(self, parcel: Parcel) -> Receipt:
        """Post once; whatever goes wrong may be tried again, for receivers tell repeats by their id."""
        endpoint = await self.store.read(lambda tx: tx.get(Endpoint, parcel.target))
        if endpoint is None or not endpoint.active:
            raise RefusedError("endpoint gone")
        body = parcel.text.encode()
        headers = signed(endpoint.secret, parcel.id, body, now=self.clock())
        headers |= {"Content-Type": "application/json", "User-Agent": "Rufweiche"}
        try:
            status = await self.client.post(endpoint.url, body, headers)
        except ForbiddenAddressError as error:
            raise RefusedError("forbidden address") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise TransientError(type(error).__name__) from error
        if not httpx.codes.is_success(status):
            raise _judged(status)
        return Receipt(parcel.id, "delivered")

    async def ask(self, parcel: Parcel, since: datetime) -> Receipt | None:
        """Post again what a worker that died may have posted: a second time does no harm."""
        del since
        try:
            return await self.send(parcel)
        except SendError as error:
            raise CannotAskError(error.code) from error

    async def follow_up(self, provider_id: str) -> Receipt | None:
        """Nothing to follow: an endpoint that took the event has it."""
        del provider_id
        return None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Everything that brings events out: turns changes into intents and sends them.

    Args:
        store: the database.
        webhook: the transport.
        clock: gives the aware present time.
    """

    store: Store
    webhook: Webhook
    clock: Callable[[], datetime]

    @property
    def worker(self) -> Worker:
        """Return the worker that sends; what it cannot bring out stays as a dead letter."""
        return Worker(self.store, {"webhook": [self.webhook]}, _dead, self.clock, POLICY)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.worker.run())
            tasks.create_task(self._pump())

    async def _pump(self) -> None:
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.store.on_commit(lambda: loop.is_closed() or loop.call_soon_threadsafe(changed.set))
        while True:
            changed.clear()
            while await self.store.write(lambda tx: events.pump(tx, now=self.clock())):
                pass
            await changed.wait()


def _dead(_tx: Tx, intent: Intent, _now: datetime) -> None:
    _log.warning("event not delivered", intent=intent.id, error=intent.error)


def _judged(status: int) -> SendError:
    # 410 Gone is how a receiver unsubscribes (Standard Webhooks).
    return RefusedError(f"HTTP {status}") if status == httpx.codes.GONE else TransientError(f"HTTP {status}")


def _signature(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    try:
        key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except Base64Error as error:
        raise SignatureError("the secret is not base64") from error
    content = f"{event_id}.{timestamp}.".encode() + body
    return b64encode(hmac.new(key, content, sha256).digest()).decode()
