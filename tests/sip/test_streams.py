"""SIP over TCP and TLS (RFC 3261 18, RFC 5626 3.5.1)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.signalling.certificates import client_context
from sip.signalling.framing import LARGEST_HEAD, Framer, Ping
from sip.signalling.leg import Leg
from sip.signalling.message import MessageError, Request, Response, parse
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import Account, Listen, PhoneSettings
from sip.signalling.phone_settings import Peer as KnownPeer
from sip.signalling.stream import Connection
from tests.sip.peer import OURS, Call, settings
from tests.support.certificates import Authority

OPTIONS = Call(5070).request("OPTIONS")
INVITE = Call(5070).invite()


def everything(framer: Framer, *pieces: bytes) -> list[object]:
    return [found for piece in pieces for found in framer.feed(piece)]


@given(st.lists(st.integers(1, len(INVITE + OPTIONS) - 1), max_size=8))
def test_however_a_stream_is_cut_the_same_messages_come_out(cuts: list[int]) -> None:
    data = INVITE + OPTIONS
    edges = [0, *sorted(set(cuts)), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert everything(Framer(), *pieces) == [parse(INVITE), parse(OPTIONS)]


def test_a_double_line_end_is_a_ping_and_a_single_one_nothing() -> None:
    framer = Framer()
    found = everything(framer, b"\r\n", b"\r\n", b"\r\n" + OPTIONS)
    assert [type(one) for one in found] == [Ping, Request]


@pytest.mark.parametrize(
    "broken",
    [
        OPTIONS.replace(b"Content-Length: 0\r\n", b""),
        OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 5\r\nContent-Length: 0"),
        OPTIONS.replace(b"Content-Length: 0", b"Content-Length: -1"),
        OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 99999999"),
        b"A" * (LARGEST_HEAD + 1),
    ],
)
def test_a_stream_without_a_certain_boundary_is_given_up(broken: bytes) -> None:
    framer = Framer()
    found = everything(framer, broken + OPTIONS)
    assert [type(one) for one in found] == [MessageError]
    assert framer.lost
    assert everything(framer, OPTIONS) == []


def test_a_malformed_message_does_not_hide_the_next() -> None:
    bad = OPTIONS.replace(b"CSeq: 1 OPTIONS", b"CSeq: one")
    found = everything(Framer(), bad + OPTIONS)
    assert [type(one) for one in found] == [MessageError, Request]


@given(st.binary(max_size=300))
def test_no_bytes_upset_the_framer(data: bytes) -> None:
    for found in Framer().feed(data):
        assert isinstance(found, Ping | MessageError | Request | Response)


@asynccontextmanager
async def phone(given_settings: PhoneSettings) -> AsyncIterator[tuple[Phone, asyncio.Queue[Leg]]]:
    legs: asyncio.Queue[Leg] = asyncio.Queue()
    made = Phone(given_settings, legs.put_nowait)
    await made.open()
    try:
        yield made, legs
    finally:
        await made.close()


def listening(transport: str, **more: str) -> PhoneSettings:
    return settings(listen=(Listen(transport, port=0, **more),))  # type: ignore[arg-type]


async def read(reader: asyncio.StreamReader) -> Response:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    found = parse(head.replace(b"Content-Length", b"X-Length"))
    assert isinstance(found, Response)
    await reader.readexactly(int(found.headers.get("X-Length")))
    return found


async def test_answers_come_back_over_the_connection() -> None:
    async with phone(listening("tcp")) as (server, _):
        reader, writer = await asyncio.open_connection(*server.address("tcp"))
        writer.write(OPTIONS.replace(b"/UDP", b"/TCP"))
        assert (await read(reader)).status == 200
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 20) == b"\r\n"
        writer.close()


async def test_a_message_larger_than_a_datagram_passes() -> None:
    async with phone(listening("tcp")) as (server, legs):
        _, writer = await asyncio.open_connection(*server.address("tcp"))
        big = Call(5070, extra="X-Filler: " + "x" * 20_000 + "\n")
        writer.write(big.invite().replace(b"/UDP", b"/TCP"))
        assert (await asyncio.wait_for(legs.get(), 20)).dialled == "030555"
        writer.close()


async def test_a_broken_stream_is_answered_and_closed() -> None:
    async with phone(listening("tcp")) as (server, _):
        reader, writer = await asyncio.open_connection(*server.address("tcp"))
        twice = b"Content-Length: 0\r\nContent-Length: 3"
        writer.write(OPTIONS.replace(b"Content-Length: 0", twice))
        assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"SIP/2.0 400")
        await asyncio.wait_for(reader.read(), 20)
        assert reader.at_eof()
        writer.close()


async def test_a_stranger_is_cut_off() -> None:
    strangers = settings(listen=(Listen("tcp", port=0),), peers=(KnownPeer("x", ("192.0.2.1",)),))
    async with phone(strangers) as (server, _):
        reader, writer = await asyncio.open_connection(*server.address("tcp"))
        heard = await asyncio.wait_for(asyncio.gather(reader.read(), return_exceptions=True), 20)
        assert heard == [b""] or isinstance(heard[0], ConnectionError)
        writer.close()


async def called(server: Phone, legs: asyncio.Queue[Leg], transport: str, client: Phone, **more: str) -> None:
    """Call, answer, hold, hang up."""
    host, port = server.address(transport)
    leg = client.call(f"sip:100@{host}:{port};transport={transport}", OURS, **more)
    incoming = await asyncio.wait_for(legs.get(), 20)
    incoming.answer(OURS)
    assert await asyncio.wait_for(leg.answered(), 20) == "answered"
    ended = asyncio.Event()
    leg.on_ended = lambda _: ended.set()
    incoming.hang_up()
    await asyncio.wait_for(ended.wait(), 20)


async def test_a_whole_call_over_tcp_both_ways_on_one_connection() -> None:
    async with phone(listening("tcp")) as (server, legs), phone(settings()) as (client, _):
        await called(server, legs, "tcp", client)


async def test_neither_side_of_a_connection_lets_a_message_wait_for_what_was_sent_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nagle's algorithm would hold back a BYE for 40 ms after an ACK."""
    undelayed: list[bool] = []
    made = Connection.connection_made

    def noted(self: Connection, transport: asyncio.BaseTransport) -> None:
        made(self, transport)
        sock = transport.get_extra_info("socket")
        undelayed.append(bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))

    monkeypatch.setattr(Connection, "connection_made", noted)
    async with phone(listening("tcp")) as (server, legs), phone(settings()) as (client, _):
        await called(server, legs, "tcp", client)
    assert undelayed == [True, True]


async def test_a_connection_that_cannot_be_made_fails_the_call_at_once() -> None:
    async with phone(settings(t1_s=0.5)) as (client, _):
        leg = client.call("sip:100@127.0.0.1:9;transport=tcp", OURS)
        assert await asyncio.wait_for(leg.answered(), 20) == "failed"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    authority = Authority()
    pair = authority.pair("127.0.0.1")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
    for path, text in zip(paths, (authority.certificate, pair.certificate, pair.key), strict=True):
        path.write_text(text)
    return paths


async def test_a_whole_call_over_tls(certificate: tuple[Path, Path, Path]) -> None:
    ca, cert, key = certificate
    secure = listening("tls", certificate=str(cert), key=str(key))
    async with phone(secure) as (server, legs):
        host, port = server.address("tls")
        peer = KnownPeer("pbx", ("127.0.0.1",), host=f"{host}:{port}", transport="tls", ca=str(ca))
        async with phone(settings(peers=(peer,))) as (client, _):
            leg = client.call("100", OURS, line="pbx")
            incoming = await asyncio.wait_for(legs.get(), 20)
            incoming.answer(OURS)
            assert await asyncio.wait_for(leg.answered(), 20) == "answered"
            ended = asyncio.Event()
            leg.on_ended = lambda _: ended.set()
            incoming.hang_up()
            await asyncio.wait_for(ended.wait(), 20)


async def test_a_certificate_of_nobody_we_trust_fails_the_call(certificate: tuple[Path, Path, Path]) -> None:
    _, cert, key = certificate
    async with phone(listening("tls", certificate=str(cert), key=str(key))) as (server, _):
        host, port = server.address("tls")
        async with phone(settings()) as (client, _):
            leg = client.call(f"sip:100@{host}:{port};transport=tls", OURS)
            assert await asyncio.wait_for(leg.answered(), 20) == "failed"


async def test_a_missing_certificate_stops_the_phone_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"nothing\.pem"):
        async with phone(listening("tls", certificate=str(tmp_path / "nothing.pem"))):
            pass


async def test_a_lost_connection_is_registered_anew() -> None:
    """A registrar over TCP that drops the connection sees the account again at once."""
    seen: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        asked = parse((await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n"))
        fields = "".join(f"{n}: {asked.headers.get(n)}\r\n" for n in ("Via", "From", "To", "Call-ID", "CSeq"))
        contact = f"Contact: {asked.headers.get('Contact')};expires=600\r\n"
        writer.write(f"SIP/2.0 200 OK\r\n{fields}{contact}Content-Length: 0\r\n\r\n".encode())
        seen.put_nowait(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    account = Account("a", "620", "pbx.invalid", registrar=f"127.0.0.1:{port}", transport="tcp")
    async with phone(settings(accounts=(account,))) as (client, _):
        first = await asyncio.wait_for(seen.get(), 20)
        await asyncio.wait_for(client.until_registered("a"), 20)
        first.transport.abort()
        second = await asyncio.wait_for(seen.get(), 20)
        assert second is not first
    server.close()
    for writer in writers:
        writer.transport.abort()


def test_the_client_never_skips_the_certificate() -> None:

    context = client_context("")
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
