"""Connections to a registrar are kept open by pings, which notice lost ones too (RFC 5626 3.5.1, 4.4.1)."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sip.signalling.message import parse
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import Account, Listen, PhoneSettings, TransportName
from tests.sip.peer import LIMIT_S
from tests.support.certificates import lay

HOST = "127.0.0.1"
PING, PONG = b"\r\n\r\n", b"\r\n"
COPIED = ("Via", "From", "To", "Call-ID", "CSeq")
LONG_S = 3600.0  # of the loop's own time, which passes at once


@dataclass
class Box:
    """A registrar by connections; keeps what came: seconds since its first REGISTER, connection and kind.

    Args:
        pongs: how many pings it answers.
    """

    pongs: int
    came: asyncio.Queue[tuple[int, int, str]] = field(default_factory=asyncio.Queue)
    _serving: list[asyncio.Task[None]] = field(default_factory=list)
    _began: float = -1.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.append(task)
        number = len(self._serving)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                self._take(data, number, writer)
        writer.close()
        with contextlib.suppress(OSError):  # ssl.SSLError is an OSError
            await writer.wait_closed()

    def _take(self, data: bytes, number: int, writer: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time()
        self._began = now if self._began < 0 else self._began
        kind = {PING: "ping", PONG: "pong"}.get(data) or data.split(b" ", 1)[0].decode("latin-1")
        self.came.put_nowait((round(now - self._began), number, kind))
        if kind == "REGISTER":
            writer.write(_granted(data))
        elif kind == "ping" and self.pongs:
            self.pongs -= 1
            writer.write(PONG)

    async def seen(self, number: int) -> list[tuple[int, int, str]]:
        """Wait for so many things that come."""
        async with asyncio.timeout(LONG_S):
            return [await self.came.get() for _ in range(number)]

    async def over(self) -> None:
        """Wait until every connection is closed, by the telephone."""
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*self._serving)


def _granted(register: bytes) -> bytes:
    asked = parse(register)
    lines = [f"{name}: {asked.headers.get(name)}" for name in COPIED]
    contact = f"Contact: {asked.headers.get('Contact')};expires=600"
    return "\r\n".join(("SIP/2.0 200 OK", *lines, contact, "Content-Length: 0", "", "")).encode()


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, cert.pem and key.pem."""
    return lay(tmp_path_factory.mktemp("papers"))


@pytest.fixture(params=["tcp", "tls"])
def transport(request: pytest.FixtureRequest) -> TransportName:
    name: TransportName = request.param
    return name


@asynccontextmanager
async def registered(transport: TransportName, papers: Path, *, pongs: int) -> AsyncIterator[Box]:
    """Register an account of a telephone at a box."""
    box, context = Box(pongs), None
    if transport == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(papers / "cert.pem", papers / "key.pem")
    server = await asyncio.start_server(box.serve, HOST, 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    account = Account(
        "box",
        "620",
        "box.invalid",
        registrar=f"{HOST}:{port}",
        transport=transport,
        ca=str(papers / "ca.pem"),
    )
    phone = Phone(PhoneSettings(listen=(Listen("udp", HOST, 0),), accounts=(account,)), lambda _: None)
    await phone.open()
    try:
        async with asyncio.timeout(LIMIT_S):
            await phone.until_registered("box")
        yield box
    finally:
        await phone.close()
        server.close()
        await box.over()


async def test_a_connection_to_a_registrar_is_pinged_every_90_seconds_and_nothing_else_is_said_on_it(
    transport: TransportName, papers: Path
) -> None:
    async with registered(transport, papers, pongs=9) as box:
        assert await box.seen(5) == [(0, 1, "REGISTER"), *((at, 1, "ping") for at in (90, 180, 270, 360))]


async def test_a_registrar_that_answered_pings_and_leaves_one_unanswered_for_ten_seconds_is_registered_anew(
    transport: TransportName, papers: Path
) -> None:
    async with registered(transport, papers, pongs=1) as box:
        assert await box.seen(4) == [
            (0, 1, "REGISTER"),
            (90, 1, "ping"),
            (180, 1, "ping"),
            (190, 2, "REGISTER"),
        ]


async def test_a_registrar_that_knows_no_pings_keeps_its_connection(
    transport: TransportName, papers: Path
) -> None:
    async with registered(transport, papers, pongs=0) as box:
        assert await box.seen(5) == [(0, 1, "REGISTER"), *((at, 1, "ping") for at in (90, 180, 270, 360))]
