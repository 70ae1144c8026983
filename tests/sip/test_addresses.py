"""Which of our addresses a peer is told when none is configured: the one of the very way to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sip.signalling.message import Request, Response, parse
from sip.signalling.offer import Local
from sip.signalling.phone_settings import Account, Listen
from sip.signalling.uri import parse_name_addr
from tests.sip.peer import LIMIT_S, SDP, Call, House, Peer, answer_to, house, settings
from tests.sip.registrar import Registrar
from tests.support.certificates import Authority

ALL, FIRST, SECOND = "0.0.0.0", "127.0.0.1", "127.0.0.2"  # noqa: S104  # that is what is tested
EVERYWHERE = Local(ALL, 42000)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cert.pem and key.pem of the second address."""
    folder = tmp_path_factory.mktemp("papers")
    pair = Authority().pair(SECOND)
    (folder / "cert.pem").write_text(pair.certificate)
    (folder / "key.pem").write_text(pair.key)
    return folder


async def read(reader: asyncio.StreamReader) -> Request | Response:
    """Read one message off a stream."""
    async with asyncio.timeout(LIMIT_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(parse(head.replace(b"Content-Length", b"X-Length")).headers.get("X-Length"))
        return parse(head + await reader.readexactly(length))


def told(message: Request | Response) -> tuple[str, str]:
    """Give the hosts of Contact and session description."""
    (line,) = [line for line in message.body.decode().split("\r\n") if line.startswith("c=")]
    return parse_name_addr(message.headers.get("Contact")).uri.host, line.split()[2]


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_caller_is_told_the_address_that_it_has_connected_to(papers: Path, transport: str) -> None:
    listen = Listen(transport, ALL, 0, str(papers / "cert.pem"), str(papers / "key.pem"))  # type: ignore[arg-type]
    async with house(settings(listen=(Listen(port=0), listen))) as home:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = (
            False,
            ssl.CERT_NONE,
        )  # it is our address that counts here
        _, port = home.phone.address(transport)
        reader, writer = await asyncio.open_connection(
            SECOND, port, local_addr=(FIRST, 0), ssl=context if transport == "tls" else None
        )
        writer.write(Call(5070).invite().replace(b"/UDP", f"/{transport.upper()}".encode()))
        (await home.leg()).answer(EVERYWHERE)
        answer = await read(reader)
        while isinstance(answer, Response) and answer.status != 200:
            answer = await read(reader)
        assert told(answer) == (SECOND, SECOND)
        writer.close()


async def test_a_telephone_bound_to_one_address_calls_from_it_over_tcp() -> None:
    arrived: asyncio.Queue[tuple[str, Request | Response]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.put_nowait((writer.get_extra_info("peername")[0], await read(reader)))
        writer.close()

    server = await asyncio.start_server(serve, FIRST, 0)
    port = server.sockets[0].getsockname()[1]
    async with house(settings(listen=(Listen(port=0), Listen("tcp", SECOND, 0)))) as home:
        leg = home.phone.call(f"sip:100@{FIRST}:{port};transport=tcp", replace(EVERYWHERE, address=SECOND))
        source, invite = await asyncio.wait_for(arrived.get(), LIMIT_S)
        assert (source, *told(invite), invite.via.host) == (SECOND,) * 4
        leg.hang_up()
    server.close()


async def test_by_datagram_the_address_is_the_one_that_the_system_takes_towards_the_peer() -> None:
    async with at(SECOND) as (home, peer):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((SECOND, peer.port))
            own = probe.getsockname()[0]
        peer.send(Call(peer.port).invite(SDP))
        (await home.leg()).answer(EVERYWHERE)
        assert told(await peer.response(200)) == (own, own)
        leg = home.phone.call(f"sip:100@{SECOND}:{peer.port}", EVERYWHERE)
        invite = await peer.request("INVITE")
        assert (*told(invite), invite.via.host) == (own,) * 3
        leg.hang_up()


async def test_answers_and_what_follows_come_from_the_address_that_was_written_to() -> None:
    async with at(FIRST) as (home, peer):
        place = (SECOND, home.phone.address()[1])
        peer.target = place
        call = Call(peer.port)
        peer.send(call.invite(SDP))
        leg = await home.leg()
        leg.answer(EVERYWHERE)
        answer = await peer.response(200)
        assert (peer.target, told(answer)) == (place, (SECOND, FIRST))  # sound leaves by the routes
        call.to_tag = answer.to.tag
        peer.send(call.ack())
        await home.until(("confirmed", None))
        leg.hang_up()
        bye = await peer.request("BYE")
        assert (peer.target, bye.via.host) == (place, SECOND)
        peer.send(answer_to(bye, 200))
        peer.send(Call(peer.port, call_id="next").request("OPTIONS").replace(b"CSeq: 1", b"CSeq: x"))
        assert (await peer.inbox.get()).startswith(b"SIP/2.0 400")
        assert peer.target == place


@pytest.mark.parametrize(("everywhere", "host"), [(ALL, FIRST), ("::", "::1")])
@pytest.mark.parametrize("told", [True, False])
async def test_a_telephone_on_all_addresses_answers_whether_or_not_the_system_tells_where_it_was_asked(
    everywhere: str, host: str, *, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not told:
        monkeypatch.setattr("sip.signalling.transport.watched", lambda _: None)
    async with at(host, everywhere) as (home, peer):
        peer.target = (host, home.phone.address()[1])
        peer.send(Call(peer.port).request("OPTIONS"))
        assert (await peer.final()).status == 200
        assert peer.target[:2] == (host, home.phone.address()[1])


@asynccontextmanager
async def at(host: str, everywhere: str = ALL) -> AsyncIterator[tuple[House, Peer]]:
    """Open a telephone on all addresses and a peer that has one of its own."""
    async with house(settings(listen=(Listen("udp", everywhere, 0),))) as home:
        peer = Peer()
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: peer, local_addr=(host, 0))
        peer.target = (FIRST, home.phone.address()[1])
        try:
            yield home, peer
        finally:
            peer.close()


async def test_an_account_registers_and_calls_over_ipv6() -> None:
    pbx = Registrar(users={"620": "geheim"})
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: pbx, local_addr=("::1", 0))
    account = Account("pbx", "620", "pbx.invalid", "geheim", registrar=f"[::1]:{pbx.port}")
    async with house(settings(listen=(Listen("udp", "::1", 0),), accounts=(account,))) as home:
        await asyncio.wait_for(home.phone.until_registered("pbx"), LIMIT_S)
        place = f"<sip:620@[::1]:{home.phone.address()[1]}>"
        assert pbx.contacts == [place]
        leg = home.phone.call("100", Local("::1", 42000), line="pbx")
        invite = await pbx.request("INVITE")
        assert (invite.headers.get("Contact"), invite.via.host) == (place, "[::1]")
        assert b"c=IN IP6 ::1\r\n" in invite.body
        leg.hang_up()
    pbx.close()
