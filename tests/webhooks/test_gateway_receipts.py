"""Delivery reports of a generic gateway: whatever its words and places, and in whatever order they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from callflow.outbox import queue
from callflow.outbox.gateway_reports import WORDS, Places
from callflow.outbox.queue import Sms
from callflow.outbox.transport import Receipt
from callflow.store import Intent, Store, Tx
from tests.support.stores import NOW, temporary_store
from webhooks.receipts import GatewayReceipts

SECRET = "a-secret-of-the-tests"
SEVEN = Places(status="data.status", id="data.msg_id")
GATEWAYAPI = Places(status="status", id="id", error="code", reference="userref")


@dataclass
class Desk:
    """The route under test, a message that was sent, and what was reported lost."""

    store: Store
    places: Places = GATEWAYAPI
    intent: str = ""
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.intent = self.store.write_now(_sent)
        app = FastAPI()
        receipts = GatewayReceipts(self.store, SECRET, self.places, self._lost, lambda: NOW)
        app.include_router(receipts.router())
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside")

    def _lost(self, _tx: Tx, intent: Intent, _now: datetime) -> None:
        self.lost.append(intent.id)

    async def report(self, content: object, secret: str = SECRET) -> int:
        return (await self.client.post(f"/webhooks/gateway/{secret}", json=content)).status_code

    @property
    def delivery(self) -> str:
        return self.store.read_now(lambda tx: tx.get_one(Intent, self.intent)).delivery


def _sent(tx: Tx) -> str:
    intent = tx.get_one(Intent, queue.put_sms(tx, Sms("+491711234567", "Hallo x", "x"), now=NOW))
    queue.begin(tx, intent, "gateway", now=NOW)
    queue.sent(intent, Receipt("77"), now=NOW)
    return intent.id


async def test_a_report_is_read_where_the_settings_say(store: Store) -> None:
    desk = Desk(store, SEVEN)
    assert await desk.report({"webhook_event": "dlr", "data": {"msg_id": 77, "status": "DELIVERED"}}) == 204
    assert desk.delivery == "delivered"
    await desk.client.aclose()


@pytest.mark.parametrize("kind", ["form", "query", "a list"])
async def test_forms_queries_and_lists_are_read_too(store: Store, kind: str) -> None:
    desk, told = Desk(store), {"id": "77", "status": "undeliverable", "code": "9"}
    url = f"/webhooks/gateway/{SECRET}"
    if kind == "form":
        await desk.client.post(url, data=told)
    elif kind == "query":
        await desk.client.get(url, params=told)
    else:
        await desk.report([{"id": "other", "status": "delivered"}, told])
    assert (desk.delivery, desk.lost) == ("undelivered", [desk.intent])
    assert store.read_now(lambda tx: tx.get_one(Intent, desk.intent)).error == "9"
    await desk.client.aclose()


async def test_the_practices_own_words_come_before_the_usual_ones(store: Store) -> None:
    desk = Desk(store, Places(words={"1": "delivered", "Sent": "accepted"}))
    await desk.report({"id": "77", "status": "sent"})
    assert desk.delivery == "accepted"
    await desk.report({"id": "77", "status": 1})
    assert desk.delivery == "delivered"
    await desk.client.aclose()


async def test_a_report_with_our_id_alone_ends_the_doubt_about_a_message(store: Store) -> None:
    def doubtful(tx: Tx) -> str:
        intent = tx.get_one(Intent, queue.put_sms(tx, Sms("+491711234567", "Hallo y", "y"), now=NOW))
        queue.begin(tx, intent, "gateway", now=NOW)
        queue.put_back(intent, at=NOW, error="ReadTimeout")
        return intent.id

    desk = Desk(store)
    desk.intent = store.write_now(doubtful)
    await desk.report({"userref": desk.intent, "status": "delivered"})
    intent = store.read_now(lambda tx: tx.get_one(Intent, desk.intent))
    assert (intent.status, intent.delivery) == ("sent", "delivered")
    await desk.client.aclose()


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x", "a-secret-of-the-test%C3%A4"])
async def test_without_the_secret_a_report_changes_nothing(store: Store, secret: str) -> None:
    desk = Desk(store)
    assert await desk.report({"id": "77", "status": "failed"}, secret) in {403, 404}
    assert (desk.delivery, desk.lost) == ("", [])
    await desk.client.aclose()


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        "x",
        7,
        {"id": "77"},
        {"id": "77", "status": "?"},
        {"status": "failed"},
        {"id": {}, "status": []},
    ],
)
async def test_what_tells_nothing_is_taken_and_ignored(store: Store, content: Any) -> None:  # noqa: ANN401  any JSON
    desk = Desk(store)
    assert (await desk.report(content), desk.delivery, desk.lost) == (204, "", [])
    await desk.client.aclose()


async def test_a_report_that_is_too_large_is_refused(store: Store) -> None:
    desk = Desk(store)
    assert await desk.report({"id": "7" * 100_000, "status": "failed"}) == 413
    await desk.client.aclose()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=6).map(lambda words: [*words, "delivered"]),
    st.randoms(),
)
async def test_any_order_with_repeats_ends_delivered(words: list[str], chance: Any) -> None:  # noqa: ANN401  Hypothesis' own kind
    chance.shuffle(words)
    with temporary_store() as store:
        desk = Desk(store)
        for word in words:
            await desk.report({"id": "77", "status": word})
        assert desk.delivery == "delivered"
        assert len(desk.lost) <= 1
        await desk.client.aclose()
