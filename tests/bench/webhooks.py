"""Part "webhooks": TwiML answers beside a bare FastAPI route, and beside one that commits a single row."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import re
import socket
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlencode

import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from twilio.request_validator import RequestValidator

from callflow.directory import Recognition
from callflow.outbox.caps import Caps
from callflow.prompts.cache import Cache
from callflow.session import Sessions
from tests.bench.outbox import intents_row
from tests.bench.rows import Row, write
from tests.support.ports import free_port
from tests.support.reception import DIALLED, OneFlow, Silence, example_flow, handlers
from tests.support.stores import open_store
from webhooks.signature import Signature
from webhooks.twiml import Site, Target
from webhooks.voice import Voice

TOKEN, PUBLIC = "bench", "https://praxis.example"
CALLS = {1: 80, 16: 320, 64: 320}  # calls at once -> calls in all; five requests each
WARM = 30  # calls before the clock starts
ROUNDS = 2  # ours and the peers take turns, for the machine's other work changes
OPENING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # Monday, 9:00 in Dresden
PLENTY = Caps(per_number_a_day=1_000_000, per_day=1_000_000)
Maker = Callable[[Path], FastAPI]


@dataclass(slots=True)
class Load:
    """What requests took: client seconds, server CPU seconds, each answer's milliseconds."""

    seconds: float
    cpu: float
    answers_ms: list[float]

    @property
    def per_core(self) -> float:
        """Requests a second of server CPU."""
        return len(self.answers_ms) / self.cpu

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return len(self.answers_ms) / self.seconds

    def p99(self) -> float:
        """Return the 99th percentile of the answers, ms."""
        return statistics.quantiles(self.answers_ms, n=100)[98]

    def add(self, other: Load) -> None:
        """Take over another round."""
        self.seconds += other.seconds
        self.cpu += other.cpu
        self.answers_ms += other.answers_ms


def main() -> None:
    """Measure and write var/bench/webhooks.json."""
    _quiet()
    rows: list[Row] = []
    for at_once, calls in CALLS.items():
        ours, bare, row = _measured((_ours, _bare, _one_row), at_once, calls)
        for peer, load in (("bare FastAPI", bare), ("FastAPI + one committed row", row)):
            rows += [
                Row(f"TwiML answers, {at_once} at once", ours.per_core, "1/s of a core", peer, load.per_core),
                Row(f"TwiML answers, {at_once} at once", ours.per_second, "1/s", peer, load.per_second),
                Row(f"TwiML answer p99, {at_once} at once", ours.p99(), "ms", peer, load.p99()),
            ]
    write("webhooks", [*rows, intents_row()])


def _measured(makers: tuple[Maker, ...], at_once: int, calls: int) -> list[Load]:
    loads = [Load(0, 0, []) for _ in makers]
    for _ in range(ROUNDS):
        for maker, load in zip(makers, loads, strict=True):
            with tempfile.TemporaryDirectory() as room:
                load.add(_load(maker, Path(room), at_once, calls // ROUNDS))
    return loads


def _bare(_room: Path) -> FastAPI:
    app = FastAPI()

    @app.post("/webhooks/voice/{what}")
    async def bare(request: Request, what: str) -> Response:
        del what
        await request.form()
        return Response("<Response><Hangup/></Response>", media_type="text/xml")

    return app


def _one_row(room: Path) -> FastAPI:
    """Answer as `_bare`, after the least that "commit, then act" can mean: one row, on disk."""
    app = FastAPI()
    file = sqlite3.connect(room / "one.db", isolation_level=None, check_same_thread=False)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("PRAGMA synchronous=FULL")
    file.execute("CREATE TABLE steps (id INTEGER PRIMARY KEY, what TEXT)")
    writer = ThreadPoolExecutor(1)

    @app.post("/webhooks/voice/{what}")
    async def one_row(request: Request, what: str) -> Response:
        await request.form()
        insert = ("INSERT INTO steps (what) VALUES (?)", (what,))
        await asyncio.get_running_loop().run_in_executor(writer, file.execute, *insert)
        return Response("<Response><Hangup/></Response>", media_type="text/xml")

    return app


def _ours(room: Path) -> FastAPI:
    app = FastAPI()
    store = open_store(room)
    clock: Callable[[], datetime] = lambda: OPENING  # noqa: E731  # a clock that stands
    house = Sessions(store, OneFlow(example_flow()), Silence(), handlers(PLENTY), Recognition(), clock)
    site = Site(f"{PUBLIC}/webhooks", {"empfang": Target(number="+4935199")})
    voice = Voice("twilio", house, site, Signature(TOKEN, PUBLIC), Cache(room / "prompts"), clock)
    app.include_router(voice.router())
    return app


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _serve(make: Maker, room: Path, address: tuple[str, int], told: Connection) -> None:
    _quiet()
    server = _Measured(make(room), address, told)
    asyncio.run(server.serve())


class _Measured(uvicorn.Server):
    """Tells that it is up and, whenever it is asked, its CPU seconds; the second time is the last."""

    def __init__(self, app: FastAPI, address: tuple[str, int], told: Connection) -> None:
        host, port = address
        super().__init__(uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False))
        self._told = told
        self._watching: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        self._told.send("up")
        for _ in ("begin", "end"):
            await asyncio.to_thread(self._told.recv)
            self._told.send(time.process_time())
        self.should_exit = True


def _load(make: Maker, room: Path, at_once: int, calls: int) -> Load:
    address = ("127.0.0.1", free_port())
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(make, room, address, there))
    server.start()
    here.recv()
    asyncio.run(_calls(address, at_once, range(WARM)))
    here.send("now")
    before = here.recv()
    started = time.perf_counter()
    answers = asyncio.run(_calls(address, at_once, range(WARM, WARM + calls)))
    seconds = time.perf_counter() - started
    here.send("stop")
    cpu = here.recv() - before
    server.join()
    return Load(seconds, cpu, answers)


async def _calls(address: tuple[str, int], at_once: int, numbers: range) -> list[float]:
    answers: list[float] = []
    waiting = iter(numbers)

    async def carry() -> None:
        reader, writer = await asyncio.open_connection(*address)
        for number in waiting:
            await _call(reader, writer, f"CA{number:032d}", answers)
        writer.close()

    await asyncio.gather(*(carry() for _ in range(at_once)))
    return answers


async def _call(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sid: str, answers: list[float]
) -> None:
    """A repeat prescription from a mobile: greeting, menu, 1, 1, goodbye."""
    caller = f"+49171{sid[-7:]}"
    fields = {"CallSid": sid, "From": caller, "To": DIALLED, "CallStatus": "in-progress"}
    path = "call"
    for more in ({}, {"Digits": ""}, {"Digits": "1"}, {"Digits": "1"}, {"CallStatus": "completed"}):
        path = path if "CallStatus" not in more else "status"
        started = time.perf_counter()
        document = await _post(reader, writer, f"/webhooks/voice/{path}", fields | more)
        answers.append((time.perf_counter() - started) * 1000)
        turn = re.search(r"turn=(\d+)", document)
        path = f"step?turn={turn[1]}" if turn else path


async def _post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, fields: dict[str, str]
) -> str:
    body = urlencode(fields)
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + path, fields)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: {signature}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write((head + body).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(head.split(" ", 2)[1])
    if status not in {200, 204}:
        raise RuntimeError(f"{path}: {status}")
    if "content-length: " not in head:
        return ""
    return (await reader.readexactly(int(head.split("content-length: ")[1].split("\r")[0]))).decode()
