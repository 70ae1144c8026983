"""Delivery reports over HTTP, signed as Twilio signs them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from callflow.outbox import queue
from callflow.outbox.queue import Sms
from callflow.outbox.transport import Receipt
from callflow.store import Intent, Store, Tx
from tests.support.stores import NOW, temporary_store
from tests.support.twilio_standin import TOKEN
from webhooks.receipts import Receipts
from webhooks.signature import Signature

PUBLIC = "https://praxis.example"


@dataclass
class Desk:
    """The route under test, a message that was sent, and what was reported lost."""

    store: Store
    intent: str = ""
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.intent = self.store.write_now(_sent)
        app = FastAPI()
        app.include_router(Receipts(self.store, Signature(TOKEN, PUBLIC), self._lost, lambda: NOW).router())
        # "Host" is another one on purpose: a proxy may put anything there.
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside:8080")

    def _lost(self, _tx: Tx, intent: Intent, _now: datetime) -> None:
        self.lost.append(intent.id)

    async def report(self, status: str, sid: str = "SM1", intent: str = "", token: str = TOKEN) -> int:
        path = f"/webhooks/sms/{intent or self.intent}"
        fields = {"MessageSid": sid, "MessageStatus": status, "AccountSid": "AC", "ErrorCode": "30006"}
        signature = RequestValidator(token).compute_signature(PUBLIC + path, fields)
        answer = await self.client.post(path, data=fields, headers={"X-Twilio-Signature": signature})
        return answer.status_code

    @property
    def delivery(self) -> str:
        return self.store.read_now(lambda tx: tx.get_one(Intent, self.intent)).delivery


def _sent(tx: Tx) -> str:
    intent = tx.get_one(Intent, queue.put_sms(tx, Sms("+491711234567", "Hallo x", "x"), now=NOW))
    queue.begin(tx, intent, "twilio", now=NOW)
    queue.sent(intent, Receipt("SM1"), now=NOW)
    return intent.id


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    desk = Desk(store)
    yield desk
    await desk.client.aclose()


async def test_reports_raise_the_delivery_and_a_lost_message_is_told_once(desk: Desk) -> None:
    assert [await desk.report(status) for status in ("queued", "sent", "undelivered", "undelivered")] == [
        204
    ] * 4
    assert (desk.delivery, desk.lost) == ("undelivered", [desk.intent])


async def test_reports_in_reverse_order_end_alike(desk: Desk) -> None:
    for status in ("delivered", "sent", "queued"):
        await desk.report(status)
    assert (desk.delivery, desk.lost) == ("delivered", [])


async def test_a_report_with_a_wrong_signature_is_refused_and_changes_nothing(desk: Desk) -> None:
    assert await desk.report("undelivered", token="wrong") == 403
    assert (desk.delivery, desk.lost) == ("", [])


async def test_a_report_without_signature_is_refused(desk: Desk) -> None:
    answer = await desk.client.post(f"/webhooks/sms/{desk.intent}", data={"MessageStatus": "delivered"})
    assert (answer.status_code, desk.delivery) == (403, "")


@pytest.mark.parametrize("status", ["", "exploded"])
async def test_a_status_we_do_not_know_is_taken_and_ignored(desk: Desk, status: str) -> None:
    assert (await desk.report(status), desk.delivery) == (204, "")


async def test_reports_about_other_messages_change_nothing(desk: Desk) -> None:
    assert await desk.report("undelivered", sid="SM2") == 204
    assert await desk.report("undelivered", intent="0" * 32) == 204
    assert (desk.delivery, desk.lost) == ("", [])


@settings(max_examples=15, deadline=None)
@given(st.permutations(["queued", "sending", "sent", "delivered"]), st.integers(0, 3))
async def test_any_order_with_a_repeat_ends_delivered(statuses: list[str], repeated: int) -> None:
    with temporary_store() as store:
        desk = Desk(store)
        for status in [*statuses, statuses[repeated]]:
            await desk.report(status)
        assert (desk.delivery, desk.lost) == ("delivered", [])
        await desk.client.aclose()
