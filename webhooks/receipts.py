"""What the SMS providers report about messages: callbacks, perhaps late, twice or out of order."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from callflow.outbox import delivery
from callflow.outbox.delivery import Lost, Report
from callflow.outbox.gateway_reports import Places
from callflow.outbox.twilio import DELIVERIES
from callflow.store import Store
from webhooks.entrance import route
from webhooks.signature import Post, Signature, body_of

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


@dataclass(frozen=True, slots=True)
class GatewayReceipts:
    """Takes the delivery reports of a generic gateway, which knows our address and the secret in it.

    Args:
        store: the database.
        secret: last part of the address.
        places: where a report holds what.
        lost: what happens when a message did not reach the person.
        clock: gives the aware present time.
    """

    store: Store
    secret: str
    places: Places
    lost: Lost
    clock: Callable[[], datetime]

    def router(self) -> APIRouter:
        """Return the route /webhooks/gateway/{secret}."""
        router = APIRouter(include_in_schema=False)
        path = "/webhooks/gateway/{secret}"
        router.routes.append(Route(path, self._take, methods=["GET", "POST"], include_in_schema=False))
        return router

    async def _take(self, request: Request) -> Response:
        if not hmac.compare_digest(request.path_params["secret"].encode(), self.secret.encode()):
            raise HTTPException(403, "secret missing or wrong")
        content = _content(await body_of(request.receive), request.headers, str(request.url.query))
        reports = list(self.places.read(content))
        for report in reports:
            await self.reported(report)
        if not reports:
            _log.info("unreadable delivery report")
        return Response(status_code=204)

    async def reported(self, report: Report) -> None:
        """Take one report; what it says of a message that is not ours changes nothing."""
        ours = await self.store.write(lambda tx: delivery.told(tx, report, self.lost, now=self.clock()))
        _log.info("delivery report", intent=report.intent, delivery=report.delivery, ours=ours)


def _content(body: bytes, headers: Mapping[str, str], query: str) -> object:
    """Return a report's fields: JSON where it is said to be such, else form or query."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        try:
            return json.loads(body)
        except ValueError:
            return None
    form = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    return dict(parse_qsl(query, keep_blank_values=True)) | dict(form)
