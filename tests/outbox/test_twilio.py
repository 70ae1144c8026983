"""The Twilio transport against the stand-in, through the official SDK."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callflow.outbox.transport import (
    AmbiguousError,
    BrokenError,
    CannotAskError,
    Parcel,
    RefusedError,
    SendError,
    TransientError,
)
from callflow.outbox.twilio import Account, Twilio
from tests.support.openapi import faults
from tests.support.twilio_standin import ACCEPTING, HANGS, SID, TOKEN, Behaviour, StandIn, running

SENDER = "+4915735987654"
API = Path(__file__).parents[3] / "shared" / "twilio" / "twilio_api_v2010.json"


def _now() -> datetime:
    return datetime.now(UTC)


def _parcel(reference: str = "https://praxis.example/f/abc", expires: datetime | None = None) -> Parcel:
    return Parcel("intent-1", "+491711234567", f"Praxis: {reference} (112)", reference, expires=expires)


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with running(StandIn()) as up:
        yield up


@pytest.fixture
def standin(server: StandIn) -> StandIn:
    server.forget()
    return server


def _account(standin: StandIn, **values: str) -> Account:
    return Account(
        **{"sid": SID, "user": SID, "secret": TOKEN, "sender": SENDER, "base_url": standin.url, **values}
    )


@pytest.fixture
async def twilio(standin: StandIn) -> AsyncIterator[Twilio]:
    transport = Twilio(_account(standin), _now, timeout=20.0)
    yield transport
    await transport.aclose()


async def _misfortune(standin: StandIn, behaviour: Behaviour) -> SendError:
    """Send a message that meets one; returns what is known of it, once the stand-in knows all of it too."""
    transport = Twilio(_account(standin), _now, timeout=HANGS if behaviour.startswith("hang") else 20.0)
    requests, messages = len(standin.requests), len(standin.messages)
    standin.choose = lambda _to, _body: behaviour
    with pytest.raises(SendError) as caught:
        await transport.send(_parcel())
    await transport.aclose()
    await standin.took(requests + 1, messages + (behaviour in ACCEPTING))
    return caught.value


async def test_a_message_is_sent_once_with_its_validity_and_callback(standin: StandIn) -> None:
    transport = Twilio(_account(standin, callback="https://praxis.example/webhooks/sms"), _now)
    receipt = await transport.send(_parcel(expires=_now() + timedelta(hours=4)))
    (message,) = standin.messages
    assert (receipt.provider_id, receipt.delivery, receipt.segments) == (message.sid, "accepted", 1)
    assert (message.to, message.sender, message.callback) == (
        "+491711234567",
        SENDER,
        "https://praxis.example/webhooks/sms/intent-1",
    )
    assert 14_390 <= int(message.validity) <= 14_400
    await transport.aclose()


async def test_a_messaging_service_takes_the_place_of_the_sender(standin: StandIn) -> None:
    transport = Twilio(_account(standin, sender="MG" + "b" * 32), _now)
    await transport.send(_parcel())
    assert standin.messages[0].sender == "MG" + "b" * 32
    await transport.aclose()


@pytest.mark.parametrize(
    ("behaviour", "error", "code"),
    [
        ("opted_out", RefusedError, "21610"),
        ("no_mobile", RefusedError, "21614"),
        ("bad_auth", BrokenError, "20003"),
        ("bad_sender", BrokenError, "21212"),
        ("429", TransientError, "20429"),
        ("500_before", AmbiguousError, "20500"),
        ("500_after", AmbiguousError, "20500"),
        ("hang_before", AmbiguousError, "ReadTimeout"),
        ("hang_after", AmbiguousError, "ReadTimeout"),
        ("reset_before", AmbiguousError, "RemoteProtocolError"),
        ("reset_after", AmbiguousError, "RemoteProtocolError"),
        ("garbage_after", AmbiguousError, "unreadable answer"),
    ],
)
async def test_each_misfortune_says_what_is_known(
    standin: StandIn, behaviour: Behaviour, error: type[SendError], code: str
) -> None:
    known = await _misfortune(standin, behaviour)
    assert (type(known), known.code) == (error, code)
    assert len(standin.requests) == 1  # nothing was repeated
    assert len(standin.messages) == (behaviour in ACCEPTING)


async def test_no_connection_is_surely_not_sent() -> None:
    transport = Twilio(Account(SID, SID, TOKEN, SENDER, base_url="http://127.0.0.1:9"), _now)
    with pytest.raises(TransientError, match="no connection"):
        await transport.send(_parcel())
    await transport.aclose()


async def test_wrong_credentials_are_refused(standin: StandIn) -> None:
    transport = Twilio(_account(standin, secret="wrong"), _now)
    with pytest.raises(BrokenError, match="20003"):
        await transport.send(_parcel())
    await transport.aclose()


@pytest.mark.parametrize("behaviour", ["500_after", "hang_after", "reset_after", "garbage_after"])
async def test_a_message_in_doubt_is_found_by_its_own_text(
    standin: StandIn, twilio: Twilio, behaviour: Behaviour
) -> None:
    await twilio.send(_parcel("https://praxis.example/f/other"))
    began = _now()
    assert type(await _misfortune(standin, behaviour)) is AmbiguousError
    found = await twilio.ask(_parcel(), began)
    assert found is not None
    assert found.provider_id == standin.messages[1].sid
    assert await twilio.ask(_parcel("https://praxis.example/f/never"), began) is None


async def test_a_message_beyond_the_first_page_is_found(standin: StandIn, twilio: Twilio) -> None:
    began = _now()
    wanted = await twilio.send(_parcel())
    for number in range(30):
        await twilio.send(_parcel(f"https://praxis.example/f/{number:022}"))
    found = await twilio.ask(_parcel(), began)
    assert found is not None
    assert found.provider_id == wanted.provider_id
    assert len(standin.messages) == 31


async def test_a_provider_that_cannot_be_asked_says_so(standin: StandIn, twilio: Twilio) -> None:
    standin.list_fails = True
    with pytest.raises(CannotAskError):
        await twilio.ask(_parcel(), _now())
    with pytest.raises(CannotAskError):
        await twilio.follow_up("SM" + "0" * 32)


@pytest.mark.parametrize(
    ("behaviour", "delivery", "error"),
    [("delivered", "delivered", ""), ("undelivered", "undelivered", "30006"), ("failed", "failed", "30006")],
)
async def test_delivery_is_followed_up(
    standin: StandIn, twilio: Twilio, behaviour: Behaviour, delivery: str, error: str
) -> None:
    standin.choose = lambda _to, _body: behaviour
    receipt = await twilio.send(_parcel())
    standin.settle(standin.messages[0])
    followed = await twilio.follow_up(receipt.provider_id)
    assert followed is not None
    assert (followed.delivery, followed.error) == (delivery, error)
    assert followed.cost_micros == (75_000 if behaviour == "delivered" else 0)


async def test_neither_number_nor_text_nor_secret_reaches_the_log(
    standin: StandIn, twilio: Twilio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    behaviours: list[Behaviour] = ["delivered", "opted_out", "500_after", "reset_after"]
    for behaviour in behaviours:
        standin.choose = lambda _to, _body, each=behaviour: each
        try:
            await twilio.send(_parcel())
        except SendError as error:
            logging.getLogger("test").warning("failed: %r %s", error, _parcel())
        await twilio.ask(_parcel(), _now())
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    assert len(ours) >= 3
    assert [word for word in ("1711234567", "praxis.example", TOKEN) if word in "".join(ours)] == []


@pytest.mark.skipif(not API.is_file(), reason=f"Twilio's published API description is not at {API}")
async def test_the_stand_in_answers_as_twilio_describes(standin: StandIn, twilio: Twilio) -> None:
    description = json.loads(API.read_text())
    behaviours: list[Behaviour] = ["delivered", "undelivered", "failed", "silent"]
    for behaviour in behaviours:
        standin.choose = lambda _to, _body, each=behaviour: each
        receipt = await twilio.send(_parcel())
        await twilio.follow_up(receipt.provider_id)
        standin.settle(standin.messages[-1])
        await twilio.follow_up(receipt.provider_id)
    await twilio.ask(_parcel(), _now())
    checked = 0
    for method, path, status, content in standin.answers:
        assert faults(description, method, path, status, content) == []
        checked += 1
    assert checked == 4 * 3 + 1
