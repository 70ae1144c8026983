"""The telephone goes first, whatever the web is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from callflow.precedence import Precedence
from callflow.web.app import create_app
from callflow.web.gate import Gate, Limits
from tests.support.practice import Practice

Asking = Callable[..., Awaitable[httpx.Response]]


class Counter:
    """An application that holds every request until it is let go, and counts."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.at_once = 0
        self.most = 0
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.order.append(scope["path"])
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.go.wait()
        self.at_once -= 1
        await PlainTextResponse("ok")(scope, receive, send)


def _refuse(_request: Request, status: int) -> Response:
    return PlainTextResponse(str(status), status)


class Bench:
    """A gate with a counting application behind it, and a client in front."""

    def __init__(self, limits: Limits, inner: object = None) -> None:
        self.counter = Counter()
        self.calls = Precedence()
        self.gate = Gate(inner or self.counter, limits, self.calls, _refuse)  # type: ignore[arg-type]
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.gate), base_url="http://testserver", timeout=30
        )

    def ask(self, path: str, **more: object) -> asyncio.Task[httpx.Response]:
        return asyncio.ensure_future(self.client.get(path, **more))  # type: ignore[arg-type]


async def settled(reached: Callable[[], bool]) -> None:
    """Let the loop turn until something is so."""
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench(Limits(at_once=3, waiting=5, patience=30))
    yield made
    await made.client.aclose()


async def test_a_few_are_worked_on_the_next_wait_in_order_and_the_rest_is_sent_away(bench: Bench) -> None:
    asked = [bench.ask(f"/{number}") for number in range(8)]
    await settled(lambda: (bench.counter.at_once, bench.gate.waiting) == (3, 5))
    late = [await bench.ask("/late") for _ in range(4)]
    assert [(each.status_code, each.headers["retry-after"]) for each in late] == [(503, "1")] * 4
    bench.counter.go.set()
    assert [each.status_code for each in await asyncio.gather(*asked)] == [200] * 8
    assert (bench.counter.order, bench.counter.most) == ([f"/{number}" for number in range(8)], 3)
    assert (await bench.ask("/after")).status_code == 200


async def test_no_request_is_begun_while_a_call_waits_for_its_answer(bench: Bench) -> None:
    bench.counter.go.set()
    with bench.calls:
        asked = bench.ask("/page")
        for _ in range(50):
            await asyncio.sleep(0)
        assert (bench.counter.order, asked.done()) == ([], False)
    assert (await asked).status_code == 200


async def test_a_request_waits_for_calls_no_longer_than_its_patience() -> None:
    bench = Bench(Limits(patience=0))
    bench.counter.go.set()
    with bench.calls:
        assert (await bench.ask("/page")).status_code == 200


async def test_a_call_by_webhook_passes_a_full_house_and_goes_before_the_others(bench: Bench) -> None:
    asked = [bench.ask(f"/{number}") for number in range(8)]
    await settled(lambda: (bench.counter.at_once, bench.gate.waiting) == (3, 5))
    call = bench.ask("/webhooks/voice/step")
    await settled(lambda: bench.counter.order[-1] == "/webhooks/voice/step")
    assert bench.calls.answering == 1
    bench.counter.go.set()
    assert (await call).status_code == 200
    assert {each.status_code for each in await asyncio.gather(*asked)} == {200}
    assert bench.calls.answering == 0


async def test_the_live_list_its_files_and_the_health_need_no_place(bench: Bench) -> None:
    asked = [bench.ask(f"/{number}") for number in range(8)]
    await settled(lambda: (bench.counter.at_once, bench.gate.waiting) == (3, 5))
    free = [bench.ask(path) for path in ("/inbox/live", "/static/base.css", "/health")]
    await settled(lambda: len(bench.counter.order) == 6)
    bench.counter.go.set()
    assert {each.status_code for each in await asyncio.gather(*asked, *free)} == {200}


async def test_who_sends_slowly_keeps_nobody_waiting() -> None:
    sending = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await sending.wait()
        yield b"y"

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        await PlainTextResponse(body)(scope, receive, send)

    bench = Bench(Limits(at_once=1), reading)
    upload = asyncio.ensure_future(bench.client.post("/form/page/2", content=slow()))
    other = await bench.client.post("/form/page/1", content=b"quick")
    assert (other.text, upload.done()) == ("quick", False)
    sending.set()
    assert (await upload).text == "xy"


async def test_a_request_that_breaks_gives_its_place_back() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError

    bench = Bench(Limits(at_once=1), broken)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            await bench.ask("/page")
    assert bench.gate.waiting == 0


async def test_a_program_that_asks_too_often_is_told_when_to_come_back_and_others_are_served(
    practice: Practice,
) -> None:
    house = replace(practice.house, limits=Limits(per_program=3))
    greedy, modest = ({"Authorization": f"Bearer {practice.api_token()}"} for _ in range(2))
    transport = httpx.ASGITransport(create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        answers = [await web.get("/api/cards", headers=greedy) for _ in range(4)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert (answers[-1].json(), 0 < int(answers[-1].headers["retry-after"]) <= 10) == (
            {"detail": "asked too often"},
            True,
        )
        fhir = await web.get("/api/fhir/Task", headers=greedy)
        assert (fhir.status_code, fhir.json()["issue"][0]["code"]) == (429, "throttled")
        assert (await web.get("/api/cards", headers=modest)).status_code == 200
        assert (await web.get("/sign-in")).status_code == 200


async def test_one_address_cannot_ask_more_by_showing_ever_new_tokens(practice: Practice) -> None:
    house = replace(practice.house, limits=Limits(per_program=3))
    transport = httpx.ASGITransport(create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        asked = [
            (await web.get("/api/cards", headers={"Authorization": f"Bearer {n}"})).status_code
            for n in range(8)
        ]
    assert asked == [401] * 6 + [429] * 2


@pytest.mark.parametrize(
    ("path", "language", "words"),
    [
        ("/inbox", "de", "Gerade ist viel los"),
        ("/form", "de", "Gerade ist viel los"),
        ("/form", "tr", "Şu anda yoğunluk var"),
        ("/api/cards", "de", "busy"),
    ],
)
async def test_who_is_sent_away_reads_why(practice: Practice, path: str, language: str, words: str) -> None:
    house = replace(practice.house, limits=Limits(waiting=0))
    transport = httpx.ASGITransport(create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
        answer = await web.get(path, headers={"Accept-Language": language})
    assert (answer.status_code, answer.headers["retry-after"], words in answer.text) == (503, "1", True)
