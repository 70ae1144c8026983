"""The generic HTTP gateway, against a real HTTP server that answers as told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.outbox.gateway import Gateway, Request, filled
from callflow.outbox.gateway_reports import Places
from callflow.outbox.transport import (
    AmbiguousError,
    BrokenError,
    CannotAskError,
    Parcel,
    Receipt,
    SendError,
    TransientError,
)
from tests.support.small_web import Answering, listening

PARCEL = Parcel(
    "intent-1", "+491711234567", 'Praxis: "https://praxis.example/f/abc" {to}', "https://praxis.example/f/abc"
)


@dataclass
class Box:
    """A gateway: what it answers and what it got."""

    status: int = 200
    answer: bytes = b'{"messages": [{"id": 77}]}'
    got: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    silent: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@pytest.fixture
def box() -> Iterator[Box]:
    box = Box()

    class Handler(Answering):
        def answer(self) -> None:
            body = json.loads(self.body() or "null")
            box.got.append((self.command, self.path, dict(self.headers), body))
            box.asked.set()
            if box.status == 0:
                box.silent.wait(10)
                return
            self.send_response(box.status)
            self.send_header("Content-Length", str(len(box.answer)))
            self.end_headers()
            self.wfile.write(box.answer)

    with listening(Handler) as port:
        box.url = f"http://127.0.0.1:{port}/sms"
        yield box
        box.silent.set()


async def _send(box: Box, **request: Any) -> Receipt:  # noqa: ANN401  a request's fields
    body = {"recipients": [{"number": "{to}"}], "message": "{text}", "ref": "rw-{id}", "flash": False}
    silent = box.status == 0
    limits = httpx.Timeout(20.0, read=0.5 if silent else 20.0)
    gateway = Gateway(Request(box.url, body=body, **request), timeout=limits)
    try:
        return await gateway.send(PARCEL)
    finally:
        await gateway.aclose()
        assert await asyncio.to_thread(box.asked.wait, 20)  # whoever gives up early may be ahead of the box


async def test_number_and_text_stand_where_the_template_wants_them(box: Box) -> None:
    receipt = await _send(box, headers={"X-Api-Key": "geheim"}, id_field="messages.0.id", method="PUT")
    ((method, path, headers, body),) = box.got
    assert (method, path, headers["X-Api-Key"]) == ("PUT", "/sms", "geheim")
    assert body == {
        "recipients": [{"number": "+491711234567"}],
        "message": 'Praxis: "https://praxis.example/f/abc" {to}',
        "ref": "rw-intent-1",
        "flash": False,
    }
    assert receipt == Receipt("77", "sent")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (0, AmbiguousError),
        (302, AmbiguousError),
        (400, BrokenError),
        (401, BrokenError),
        (422, BrokenError),
        (429, TransientError),
        (500, AmbiguousError),
        (503, AmbiguousError),
    ],
)
async def test_each_answer_says_what_is_known(box: Box, status: int, error: type[SendError]) -> None:
    box.status = status
    with pytest.raises(SendError) as caught:
        await _send(box)
    assert (type(caught.value), len(box.got)) == (error, 1)


async def test_no_gateway_is_surely_not_sent() -> None:
    gateway = Gateway(Request("http://127.0.0.1:9/sms"))
    with pytest.raises(TransientError):
        await gateway.send(PARCEL)
    with pytest.raises(CannotAskError):
        await gateway.ask(PARCEL, datetime.now(UTC))
    assert await gateway.follow_up("77") is None
    await gateway.aclose()


def test_the_gateways_key_is_not_shown() -> None:
    assert "geheim" not in repr(Request("http://box/sms", headers={"X-Api-Key": "geheim"}))


@pytest.mark.parametrize(
    ("answer", "path", "expected"),
    [
        (b'{"id": "a1"}', "id", "a1"),
        (b'{"messages": [{"id": 7}]}', "messages.0.id", "7"),
        (b'{"messages": []}', "messages.0.id", ""),
        (b"OK", "id", ""),
        (b'"x"', "", ""),
        (b'{"id": {"a": 1}}', "id", ""),
    ],
)
async def test_the_id_is_found_or_not_but_never_in_the_way(
    box: Box, answer: bytes, path: str, expected: str
) -> None:
    box.answer = answer
    assert (await _send(box, id_field=path)).provider_id == expected


async def _asked(box: Box, provider_id: str = "7/7", **places: Any) -> Receipt | None:  # noqa: ANN401  a report's places
    request = Request(
        box.url, headers={"X-Api-Key": "k"}, poll_url=box.url + "/{provider_id}", places=Places(**places)
    )
    gateway = Gateway(request, timeout=20.0)
    try:
        return await gateway.follow_up(provider_id)
    finally:
        await gateway.aclose()


async def test_a_sent_message_is_asked_about_at_the_polling_address(box: Box) -> None:
    box.answer = b'{"data": {"state": "NOT_DELIVERED", "code": 17}}'
    receipt = await _asked(box, status="data.state", error="data.code")
    assert receipt == Receipt("7/7", "undelivered", error="17")
    ((method, path, headers, _),) = box.got
    assert (method, path, headers["X-Api-Key"]) == ("GET", "/sms/7%2F7", "k")


@pytest.mark.parametrize(
    ("status", "answer"), [(404, b"{}"), (500, b"{}"), (200, b"OK"), (200, b'{"status": "?"}')]
)
async def test_an_answer_that_tells_no_state_leaves_the_message_as_it_is(
    box: Box, status: int, answer: bytes
) -> None:
    box.status, box.answer = status, answer
    with pytest.raises(CannotAskError):
        await _asked(box)


async def test_a_message_whose_id_the_gateway_never_told_is_not_asked_about(box: Box) -> None:
    assert (await _asked(box, ""), box.got) == (None, [])


@given(text=st.text(), to=st.text())
def test_what_is_filled_in_is_not_filled_in_again(text: str, to: str) -> None:
    values = {"{to}": to, "{text}": text, "{id}": "1"}
    assert filled({"a": ["{text}", "<{to}|{text}>", 5]}, values) == {"a": [text, f"<{to}|{text}>", 5]}
