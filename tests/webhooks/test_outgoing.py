"""Outgoing events, from the change in the database to the other program's door."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import standardwebhooks
from sqlmodel import select

from callflow import inbox
from callflow.inbox import Contact
from callflow.links import form, link
from callflow.links.link import Offer
from callflow.outbox import endpoints, events, queue
from callflow.outbox.endpoints import Subscription
from callflow.store import Endpoint, Intent, Store
from tests.support.small_web import Answering, listening
from tests.support.stores import NOW, Clock, database_bytes
from webhooks.outgoing import Outgoing, SignatureError, Webhook, signed, verify
from webhooks.safe_http import SafeClient

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
MOBILE = "+491711234567"


class _Program:
    """Another program's door: keeps what it gets and answers as told."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        program = self

        class Handler(Answering):
            def answer(self) -> None:
                headers = {key.lower(): value for key, value in self.headers.items()}
                program.got.append((headers, self.body()))
                self.send_response(program.statuses.pop(0) if program.statuses else 204)
                self.end_headers()

        self.handler = Handler
        self.url = ""

    def bodies(self) -> list[dict[str, object]]:
        return [json.loads(body) for _, body in self.got]

    def names(self) -> list[object]:
        return [body["type"] for body in self.bodies()]


@pytest.fixture
def program() -> Iterator[_Program]:
    program = _Program()
    with listening(program.handler) as port:
        program.url = f"http://127.0.0.1:{port}/events"
        yield program


@pytest.fixture
async def outgoing(store: Store, clock: Clock) -> AsyncIterator[Outgoing]:
    client = SafeClient(("127.0.0.1",))
    yield Outgoing(store, Webhook(store, client, clock), clock)
    await client.aclose()


def _subscribe(store: Store, url: str, *names: str, full: bool = False) -> Endpoint:
    wish = Subscription("PVS", url, names, full)
    return store.write_now(lambda tx: endpoints.add(tx, wish, now=NOW))


def _open(store: Store) -> str:
    contact = Contact("callback", "rezept", number=MOBILE, name="Erika", text="Ramipril")
    return store.write_now(lambda tx: inbox.open_card(tx, contact, now=NOW, due=NOW)).id


async def _send(outgoing: Outgoing, times: int = 20) -> None:
    outgoing.store.write_now(lambda tx: events.pump(tx, now=outgoing.clock()))
    for _ in range(times):
        if not await outgoing.worker.once():
            return


def _intents(store: Store) -> list[Intent]:
    return list(store.read_now(lambda tx: tx.exec(select(Intent)).all()))


async def test_a_cards_life_is_told_in_order_and_signed(
    outgoing: Outgoing, program: _Program, clock: Clock
) -> None:
    store = outgoing.store
    endpoint = _subscribe(store, program.url)
    card = _open(store)
    store.write_now(lambda tx: inbox.claim(tx, card, "anna", now=NOW))
    store.write_now(lambda tx: inbox.close(tx, card, "anna", "done", now=NOW))
    await _send(outgoing)
    assert sorted(map(str, program.names())) == ["card.closed", "card.created", "card.updated"]
    for headers, body in program.got:
        verify(endpoint.secret, headers, body, now=clock())
        assert headers["webhook-id"] in {intent.id for intent in _intents(store)}


async def test_ids_only_go_out_unless_the_endpoint_takes_whole_cards(
    outgoing: Outgoing, program: _Program
) -> None:
    _subscribe(outgoing.store, program.url)
    _subscribe(outgoing.store, program.url, full=True)
    card = _open(outgoing.store)
    await _send(outgoing)
    whole, ids = sorted(program.bodies(), key=len, reverse=True), [body["data"] for body in program.bodies()]
    assert {body["data"]["id"] for body in whole} == {card}  # type: ignore[index]  an event's data is an object
    texts = sorted(json.dumps(each) for each in ids)
    assert [("Ramipril" in text, MOBILE in text, "rezept" in text) for text in sorted(texts, key=len)] == [
        (False, False, False),
        (True, True, True),
    ]


async def test_an_endpoint_gets_the_events_it_wants(outgoing: Outgoing, program: _Program) -> None:
    store = outgoing.store
    _subscribe(store, program.url, "link.submitted", "card.created")
    offer = Offer(MOBILE, "rezept", due=NOW + timedelta(hours=2), expires=NOW + timedelta(hours=72))
    _, row = store.write_now(lambda tx: link.create(tx, offer, now=NOW))
    store.write_now(lambda tx: link.opened(tx, row.id, now=NOW))
    store.write_now(lambda tx: form.submit(tx, row.id, form.Form(), now=NOW, due=NOW))
    await _send(outgoing)
    assert sorted(map(str, program.names())) == ["card.created", "link.submitted"]


async def test_a_switched_off_endpoint_gets_nothing(outgoing: Outgoing, program: _Program) -> None:
    endpoint = _subscribe(outgoing.store, program.url)
    outgoing.store.write_now(lambda tx: endpoints.switch(tx, endpoint.id, active=False))
    _open(outgoing.store)
    await _send(outgoing)
    assert program.got == []


async def test_changes_become_events_once_however_often_they_are_pumped(
    outgoing: Outgoing, program: _Program
) -> None:
    _subscribe(outgoing.store, program.url)
    for _ in range(3):
        _open(outgoing.store)
        await _send(outgoing)
        await _send(outgoing)
    assert program.names() == ["card.created", "card.updated", "card.updated"]


async def test_a_door_that_is_shut_is_knocked_at_for_a_day_with_the_same_id(
    outgoing: Outgoing, program: _Program, clock: Clock
) -> None:
    program.statuses = [500, 503, 404, 302, 429]
    _subscribe(outgoing.store, program.url)
    _open(outgoing.store)
    for _ in range(6):
        await _send(outgoing)
        clock.forward(hours=6)
    assert len(program.got) == 6
    assert len({headers["webhook-id"] for headers, _ in program.got}) == 1
    assert [intent.status for intent in _intents(outgoing.store)] == ["sent"]


async def test_what_nobody_takes_becomes_a_dead_letter_that_can_be_revived(
    outgoing: Outgoing, program: _Program, clock: Clock
) -> None:
    program.statuses = [500] * 8
    _subscribe(outgoing.store, program.url)
    _open(outgoing.store)
    for _ in range(12):
        await _send(outgoing)
        clock.forward(hours=13)
    (dead,) = outgoing.store.read_now(queue.dead)
    assert (dead.status, dead.error, len(program.got)) == ("failed", "HTTP 500", 8)
    assert outgoing.store.write_now(lambda tx: queue.revive(tx, dead.id, now=clock())) is True
    await _send(outgoing)
    assert (outgoing.store.read_now(queue.dead), len(program.got)) == ([], 9)
    assert outgoing.store.write_now(lambda tx: queue.revive(tx, dead.id, now=clock())) is False


@pytest.mark.parametrize(("status", "error"), [(410, "HTTP 410"), (0, "forbidden address")])
async def test_a_door_that_is_gone_or_forbidden_is_not_knocked_at_again(
    outgoing: Outgoing, program: _Program, status: int, error: str
) -> None:
    program.statuses = [status]
    _subscribe(outgoing.store, program.url if status else "https://localhost/")
    _open(outgoing.store)
    await _send(outgoing)
    assert [intent.error for intent in outgoing.store.read_now(queue.dead)] == [error]


async def test_a_worker_that_died_while_posting_posts_again_under_the_same_id(
    outgoing: Outgoing, program: _Program, clock: Clock
) -> None:
    _subscribe(outgoing.store, program.url)
    _open(outgoing.store)
    outgoing.store.write_now(lambda tx: events.pump(tx, now=NOW))
    taken = outgoing.store.write_now(outgoing.worker._take)  # noqa: SLF001  the worker dies after this commit
    assert taken is not None
    await outgoing.webhook.send(taken.parcel)
    clock.forward(minutes=3)
    await outgoing.worker.once()
    assert len({headers["webhook-id"] for headers, _ in program.got}) == 1
    assert ([intent.status for intent in _intents(outgoing.store)], len(program.got)) == (["sent"], 2)


async def test_a_test_event_shows_whether_the_door_opens(outgoing: Outgoing, program: _Program) -> None:
    endpoint = _subscribe(outgoing.store, program.url)
    intent = outgoing.store.write_now(lambda tx: events.test(tx, endpoint.id, now=NOW))
    await _send(outgoing)
    assert program.names() == ["test.ping"]
    assert outgoing.store.read_now(lambda tx: tx.get_one(Intent, intent.id)).status == "sent"


async def test_running_it_sends_what_changes(outgoing: Outgoing, program: _Program) -> None:
    _subscribe(outgoing.store, program.url)
    running = asyncio.create_task(outgoing.run())
    await asyncio.to_thread(_open, outgoing.store)
    async with asyncio.timeout(30):
        while not program.got:  # noqa: ASYNC110  the door is another thread's
            await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert program.names() == ["card.created"]


async def test_secret_address_and_content_stand_sealed_in_the_database(
    outgoing: Outgoing, tmp_path: Path
) -> None:
    endpoint = _subscribe(outgoing.store, "https://pvs.praxis.example/in", full=True)
    _open(outgoing.store)
    outgoing.store.write_now(lambda tx: events.pump(tx, now=NOW))
    on_disk = database_bytes(tmp_path)
    secrets = (endpoint.secret, "pvs.praxis.example", "Ramipril", MOBILE[3:])
    assert [word for word in secrets if word.encode() in on_disk] == []


@pytest.mark.parametrize(
    "wish", [Subscription("x", "https://a.example", ("card.eaten",)), Subscription("x", "gopher:a")]
)
def test_wrong_subscriptions_are_refused(store: Store, wish: Subscription) -> None:
    with pytest.raises(ValueError, match=r"unknown events: card\.eaten; known|begins with https"):
        store.write_now(lambda tx: endpoints.add(tx, wish, now=NOW))


def test_receivers_may_check_with_the_standard_library_for_it() -> None:
    at = Clock().now
    headers = signed(SECRET, "evt-1", b'{"a": 1}', now=at)
    signature = standardwebhooks.Webhook(SECRET).sign("evt-1", at, '{"a": 1}')
    assert headers["webhook-signature"] == signature


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt-2"},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-id": ""},
    ],
)
def test_a_changed_header_is_noticed(change: dict[str, str]) -> None:
    headers = signed(SECRET, "evt-1", b"{}", now=NOW) | change
    with pytest.raises(SignatureError):
        verify(SECRET, headers, b"{}", now=NOW)


def test_a_replay_after_five_minutes_is_noticed() -> None:
    headers = signed(SECRET, "evt-1", b"{}", now=NOW)
    verify(SECRET, headers, b"{}", now=NOW + timedelta(minutes=5))
    with pytest.raises(SignatureError, match="window"):
        verify(SECRET, headers, b"{}", now=NOW + timedelta(minutes=5, seconds=1))
    with pytest.raises(SignatureError, match="does not fit"):
        verify(SECRET, headers, b"{ }", now=NOW)
