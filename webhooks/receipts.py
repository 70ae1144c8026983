"""What the SMS provider reports about messages: signed callbacks, perhaps late, twice or out of order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from fastapi import APIRouter
from starlette.types import Scope

from callflow.outbox import delivery
from callflow.outbox.delivery import Lost, Report
from callflow.outbox.twilio import DELIVERIES
from callflow.store import Store
from webhooks.entrance import route
from webhooks.signature import Post, Signature

_log = structlog.get_logger("webhooks")


@dataclass(frozen=True, slots=True)
class Receipts:
    """Takes Twilio's status callbacks for messages.

    Args:
        store: the database.
        signature: lets only Twilio in.
        lost: what happens when a message did not reach the person.
        clock: gives the aware present time.
    """

    store: Store
    signature: Signature
    lost: Lost
    clock: Callable[[], datetime]

    def router(self) -> APIRouter:
        """Return the route /webhooks/sms/{intent}; `Account.callback` is its address without the id."""
        router = APIRouter(include_in_schema=False)

        async def taken(post: Post, scope: Scope) -> None:
            await self.reported(scope["path_params"]["intent"], post.fields)

        router.routes.append(route("/webhooks/sms/{intent}", self.signature, taken))
        return router

    async def reported(self, intent: str, fields: dict[str, str]) -> None:
        """Take one callback; what it says of a message that is not ours changes nothing."""
        status = fields.get("MessageStatus", "")
        word = DELIVERIES.get(status)
        if word is None:
            _log.info("unknown delivery status", intent=intent)
            return
        report = Report(fields.get("MessageSid", ""), word, fields.get("ErrorCode", ""), intent)
        ours = await self.store.write(lambda tx: delivery.told(tx, report, self.lost, now=self.clock()))
        _log.info("delivery report", intent=intent, delivery=word, ours=ours)
