"""Part "calls_first": how soon a call is answered while programs ask the API 400 times a second."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import socket
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import structlog
import uvicorn

from callflow.directory import Recognition
from callflow.events import Caller, CallStarted, DigitsPressed, Event, HungUp
from callflow.frames import Acknowledged, Command, Decoder, Frame, Happening, Hello, Refused, encode
from callflow.homes import Homes
from callflow.lines import LineServer
from callflow.plan import Plan
from callflow.precedence import Precedence
from callflow.session import Sessions
from callflow.spool import SpoolReader
from callflow.takeover import Takeover
from callflow.web.app import create_app
from callflow.web.gate import Limits
from tests.bench.rows import Row, write
from tests.support.practice import open_practice
from tests.support.reception import DIALLED, OneFlow, Silence, example_flow, handlers
from tests.support.stores import Clock

SECONDS, ASKED = 6.0, 400  # requests a second
CARDS, AT_ONCE = 60, 100
OPENING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # Monday, 9:00 in Dresden
UNGUARDED = Limits(at_once=10_000, waiting=10_000, patience=0, per_program=10**9)
PER_PROGRAM = Limits()
"""As shipped: one program that asks this often is told to come back later."""
MANY_PROGRAMS = replace(PER_PROGRAM, per_program=10**9)
"""Many programs together: only the bounded queue holds them back."""


def main() -> None:
    """Measure and write var/bench/calls_first.json."""
    logging.disable(logging.WARNING)
    quiet = _run(UNGUARDED, 0)
    loads = {"one program": PER_PROGRAM, "many programs": MANY_PROGRAMS, "no gate": UNGUARDED}
    answered = {name: _run(limits, ASKED) for name, limits in loads.items()}
    bare = answered.pop("no gate")
    what = f"line answer p99, API asked {ASKED}/s"
    rows = [Row(f"{what}, {name}", p99, "ms", "no gate", bare) for name, p99 in answered.items()]
    write("calls_first", [Row("line answer p99, API asked by nobody", quiet, "ms"), *rows])


def _run(limits: Limits, asked: int) -> float:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as room:
        here, there = multiprocessing.Pipe()
        server = context.Process(target=_serve, args=(limits, Path(room), there))
        server.start()
        port, token = here.recv()
        flood = context.Process(target=_flood, args=(port, token, asked))
        flood.start()
        answers = asyncio.run(_calls(Path(room) / "app.sock"))
        flood.join()
        here.send("stop")
        server.join()
    return statistics.quantiles(answers, n=100)[98]


def _serve(limits: Limits, room: Path, told: multiprocessing.connection.Connection) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(_house(limits, room, told))


async def _house(limits: Limits, room: Path, told: multiprocessing.connection.Connection) -> None:
    clock, calls = Clock(OPENING), Precedence()
    practice = open_practice(room, clock, limits=limits, calls=calls)
    for number in range(CARDS):
        practice.card(number=f"+4915112346{number:03d}", ago=number)
    sessions = Sessions(practice.store, OneFlow(example_flow()), Silence(), handlers(), Recognition(), clock)
    takeover = Takeover(SpoolReader(room / "spool", practice.store.sealer), sessions, clock)
    lines = LineServer(room / "app.sock", Homes(sessions, Plan()), takeover, calls=calls)
    await lines.start()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(practice.house), log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    told.send((listening.getsockname()[1], practice.api_token()))
    await asyncio.to_thread(told.recv)
    server.should_exit = True
    await serving
    await lines.close()
    practice.store.close()


def _flood(port: int, token: str, asked: int) -> None:
    if asked:
        asyncio.run(_ask(port, token, asked))


async def _ask(port: int, token: str, asked: int) -> None:
    request = f"GET /api/cards HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(AT_ONCE)]

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.split("content-length: ")[1].split("\r")[0]))
        idle.append((reader, writer))

    begun, under_way = time.monotonic(), set()
    for number in count():
        at = begun + number / asked
        if at > begun + SECONDS + 1:
            break
        await asyncio.sleep(max(at - time.monotonic(), 0))
        if idle:
            task = asyncio.create_task(one(*idle.pop()))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    await asyncio.wait(under_way, timeout=5)


async def _calls(path: Path) -> list[float]:
    """Place a call every 100 ms: greeting, menu, 1, 1, hung up; return how long each answer took, ms."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(encode(Hello("line", "bench")))
    awaited: dict[int, asyncio.Future[Frame]] = {}
    listening = asyncio.create_task(_hear(reader, awaited))
    numbers, answers, calls = count(1), [], set()

    async def tell(call: str, turn: int, event: Event) -> int:
        number = next(numbers)
        awaited[number] = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        writer.write(encode(Happening(number, call, turn, event)))
        answer = await awaited[number]
        answers.append((time.perf_counter() - started) * 1000)
        return answer.turn if isinstance(answer, Command) else turn

    async def call(number: int) -> None:
        name = f"bench-{number}"
        turn = await tell(name, 0, CallStarted(DIALLED, Caller(f"+49171{number:07d}"), OPENING, "sip"))
        for digits in ("1", "1"):
            turn = await tell(name, turn, DigitsPressed(digits))
        await tell(name, turn, HungUp("caller"))

    await asyncio.sleep(1)
    for number in range(int(SECONDS * 10)):
        calls.add(asyncio.create_task(call(number)))
        await asyncio.sleep(0.1)
    await asyncio.gather(*calls)
    listening.cancel()
    writer.close()
    return answers


async def _hear(reader: asyncio.StreamReader, awaited: dict[int, asyncio.Future[Frame]]) -> None:
    decoder = Decoder()
    while data := await reader.read(65_536):
        for frame in decoder.feed(data):
            if isinstance(frame, (Command, Acknowledged, Refused)):
                awaited.pop(frame.reply_to).set_result(frame)
