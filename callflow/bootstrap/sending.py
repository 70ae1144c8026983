"""What leaves the house: text messages in the practice's order of transports, events to other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from fastapi import APIRouter

from callflow.bootstrap import practice, twilio
from callflow.outbox.console import Console
from callflow.outbox.delivery import Lost
from callflow.outbox.gateway import Gateway, Request
from callflow.outbox.gateway_reports import Places
from callflow.outbox.transport import Transport
from callflow.outbox.twilio import Twilio
from callflow.settings import Gateway as GatewaySettings
from callflow.settings import Settings
from callflow.store import Store
from webhooks.outgoing import Outgoing, Webhook
from webhooks.receipts import GatewayReceipts, Receipts
from webhooks.safe_http import SafeClient
from webhooks.signature import Signature

Clock = Callable[[], datetime]
SECRET = "{secret}"  # noqa: S105  the place of one in a gateway's header


def transports(settings: Settings, show: Callable[[str, str], None], clock: Clock) -> tuple[Transport, ...]:
    """Return the SMS transports in the order in which they are tried.

    Args:
        settings: the house's settings.
        show: is given number and text by the console transport.
        clock: gives the aware present time.
    """
    return tuple(_transport(name, settings, show, clock) for name in practice.transports(settings))


def receipts(settings: Settings, store: Store, lost: Lost, clock: Clock) -> Iterator[APIRouter]:
    """Give the routes for delivery reports; none without the secret that their senders know."""
    token = settings.secrets.twilio_auth_token.get_secret_value()
    if token:
        yield Receipts(store, Signature(token, settings.public_url), lost, clock).router()
    gateway, secret = settings.practice.sms.gateway, settings.secrets.sms_report_secret.get_secret_value()
    if gateway is not None and secret:
        yield GatewayReceipts(store, secret, _places(gateway), lost, clock).router()


def outgoing(settings: Settings, store: Store, clock: Clock) -> Outgoing:
    """Return what brings events to other programs."""
    client = SafeClient(settings.practice.events.allowed_hosts)
    return Outgoing(store, Webhook(store, client, clock), clock)


def _transport(name: str, settings: Settings, show: Callable[[str, str], None], clock: Clock) -> Transport:
    if name == "twilio":
        return Twilio(twilio.account(settings), clock)
    if name == "gateway" and settings.practice.sms.gateway is not None:
        return Gateway(_request(settings))
    return Console(show)


def _request(settings: Settings) -> Request:
    gateway = settings.practice.sms.gateway
    assert gateway is not None  # noqa: S101  asked for one line above
    secret = settings.secrets.sms_gateway_secret.get_secret_value()
    headers = {name: value.replace(SECRET, secret) for name, value in gateway.headers.items()}
    return Request(
        url=gateway.url,
        method=gateway.method,
        headers=headers,
        body=gateway.body,
        id_field=gateway.id_field,
        poll_url=gateway.poll_url,
        places=_places(gateway),
    )


def _places(gateway: GatewaySettings) -> Places:
    return Places(**gateway.reports.model_dump())
