"""Twilio's two parts in the house: text messages out, calls in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import httpx
from fastapi import APIRouter

from callflow.outbox.twilio import API, Account
from callflow.plan import Destination, Plan, TwilioLine
from callflow.prompts.cache import Cache
from callflow.sealing import Sealer
from callflow.session import Sessions
from callflow.settings import Secrets, Settings
from callflow.store import Store
from webhooks.calls_api import CallsApi
from webhooks.dialling import TwilioDialler
from webhooks.recordings import Recordings
from webhooks.signature import Signature
from webhooks.twiml import Site, Target
from webhooks.voice import Voice


def account(settings: Settings) -> Account:
    """Return access to the practice's Twilio account."""
    secrets = settings.secrets
    user, secret = _credentials(secrets)
    return Account(
        sid=secrets.twilio_account_sid,
        user=user,
        secret=secret,
        sender=settings.practice.sms.sender,
        callback=_callback(settings),
        base_url=secrets.twilio_base_url or API,
    )


def _callback(settings: Settings) -> str:
    """Return where delivery reports go; "" when they could not come, or could not be checked."""
    reachable = settings.public_url.startswith("https://") and settings.secrets.twilio_auth_token
    return f"{settings.public_url}/webhooks/sms" if reachable else ""


def voice_routers(
    settings: Settings, sessions: Sessions, sealer: Sealer, clock: Callable[[], datetime]
) -> Iterator[APIRouter]:
    """Give the routes of every Twilio line of the plan; none without an auth token, which signs requests."""
    token = settings.secrets.twilio_auth_token.get_secret_value()
    for name, line in settings.plan.lines.items():
        if isinstance(line, TwilioLine) and token:
            public = (line.public_url or settings.public_url).rstrip("/")
            yield Voice(
                name=name,
                sessions=sessions,
                site=Site(f"{public}/webhooks", targets(settings.plan)),
                signature=Signature(token, public),
                cache=Cache(settings.data / "prompts"),
                clock=clock,
                recordings=_recordings(settings, sealer),
            ).router()


def diallers(settings: Settings, store: Store, clock: Callable[[], datetime]) -> dict[str, TwilioDialler]:
    """Return what makes calls for people over each Twilio line; none without an account and its token."""
    secrets = settings.secrets
    token = secrets.twilio_auth_token.get_secret_value()
    lines = {name: line for name, line in settings.plan.lines.items() if isinstance(line, TwilioLine)}
    if not token or not secrets.twilio_account_sid:
        return {}
    made: dict[str, TwilioDialler] = {}
    for name, line in lines.items():
        public = (line.public_url or settings.public_url).rstrip("/")
        made[name] = TwilioDialler(
            name=name,
            api=CallsApi(account(settings)),
            site=Site(f"{public}/webhooks"),
            signature=Signature(token, public),
            store=store,
            clock=clock,
        )
    return made


def targets(plan: Plan) -> dict[str, Target]:
    """Return what Twilio dials for each destination it can reach: E.164 numbers and public SIP addresses."""
    return {name: found for name, entry in plan.destinations.items() if (found := _target(entry))}


def _target(entry: Destination) -> Target | None:
    if entry.number.startswith("+"):
        return Target(number=entry.number)
    return Target(uri=entry.uri) if entry.uri else None


def _recordings(settings: Settings, sealer: Sealer) -> Recordings:
    secrets = settings.secrets
    api = (secrets.twilio_base_url or API).rstrip("/")
    return Recordings(
        settings.data / "recordings",
        sealer,
        lambda: httpx.AsyncClient(auth=_credentials(secrets)),
        api,
        secrets.twilio_account_sid,
    )


def _credentials(secrets: Secrets) -> tuple[str, str]:
    if secrets.twilio_api_key:
        return secrets.twilio_api_key, secrets.twilio_api_secret.get_secret_value()
    return secrets.twilio_account_sid, secrets.twilio_auth_token.get_secret_value()
