"""What comes to the addresses that Twilio posts to, and is no request of Twilio's, or a strange one."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from twilio.request_validator import RequestValidator

from callflow.prompts.cache import Cache
from callflow.store import Store
from tests.support.reception import DIALLED, sessions
from tests.support.stores import Clock
from webhooks.signature import Signature
from webhooks.twiml import Site
from webhooks.voice import Voice

PUBLIC, TOKEN = "https://praxis.example", "a-token-of-the-tests"
FIELDS = {"CallSid": "CA1", "From": "+491711234567", "To": DIALLED, "CallStatus": "in-progress"}


@pytest.fixture
def client(store: Store, clock: Clock, tmp_path: Path) -> httpx.AsyncClient:
    house = sessions(store, clock)
    site = Site(f"{PUBLIC}/webhooks")
    voice = Voice("twilio", house, site, Signature(TOKEN, PUBLIC), Cache(tmp_path), clock)
    app = FastAPI()
    app.include_router(voice.router())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside:8080")


async def _post(client: httpx.AsyncClient, path: str, fields: dict[str, str]) -> httpx.Response:
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, fields)
    return await client.post(path, data=fields, headers={"X-Twilio-Signature": signature})


async def test_a_call_is_answered_with_xml(client: httpx.AsyncClient) -> None:
    answer = await _post(client, "/webhooks/voice/call", FIELDS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?><Response>')


@pytest.mark.parametrize("name", ["call", "step?turn=1", "status"])
async def test_an_unsigned_request_is_refused(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.post(f"/webhooks/voice/{name}", data=FIELDS)).status_code == 403


@pytest.mark.parametrize("query", ["", "?turn=", "?turn=-1", "?turn=x", "?turn=\u00b2"])
async def test_a_step_of_no_turn_is_refused(client: httpx.AsyncClient, query: str) -> None:
    path = str(httpx.URL(f"/webhooks/voice/step{query}"))
    assert (await _post(client, path, FIELDS)).status_code == 422


async def test_a_request_about_no_call_is_refused(client: httpx.AsyncClient) -> None:
    fields = FIELDS | {"CallSid": ""}
    assert (await _post(client, "/webhooks/voice/call", fields)).status_code == 400


async def test_the_turn_is_read_from_the_address_that_we_gave_and_not_from_the_form(
    client: httpx.AsyncClient,
) -> None:
    answer = await _post(client, "/webhooks/voice/step", FIELDS | {"turn": "1"})
    assert answer.status_code == 422


async def test_only_posts_are_taken(client: httpx.AsyncClient) -> None:
    assert (await client.get("/webhooks/voice/call")).status_code == 405


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    fields = FIELDS | {"Junk": "x" * 70_000}
    assert (await _post(client, "/webhooks/voice/call", fields)).status_code == 413


async def test_a_step_of_a_call_that_nobody_knows_ends_it(client: httpx.AsyncClient) -> None:
    answer = await _post(client, "/webhooks/voice/step?turn=1", FIELDS)
    assert answer.text == '<?xml version="1.0" encoding="UTF-8"?><Response><Hangup /></Response>'
