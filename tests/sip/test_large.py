"""Requests too large for a datagram go by TCP, by UDP where TCP is refused (RFC 3261 18.1.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from sip.signalling.framing import Framer
from sip.signalling.leg import Leg
from sip.signalling.message import Request
from sip.signalling.offer import Codec
from sip.signalling.phone_settings import Listen
from tests.sip.peer import OURS, SDP, House, answer_to, house, settings
from tests.support.ports import free_port

# What a telephone with many codecs offers does not fit into a datagram of 1300 bytes.
LARGE = replace(OURS, codecs=(*OURS.codecs, *(Codec(96 + n, f"X-CODEC-{n}-{'x' * 20}") for n in range(20))))


def takes(leg: Leg) -> None:
    leg.answer(OURS)


def two_ways() -> AbstractAsyncContextManager[House]:
    """Open a phone and a bare peer whose port no stranger has for TCP."""
    return house(port=free_port())


class TcpPeer(asyncio.Protocol):
    """The TCP side of the bare peer."""

    def __init__(self, heard: asyncio.Queue[Request], *, hangs_up: bool) -> None:
        self._heard, self._hangs_up, self._framer = heard, hangs_up, Framer()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._hangs_up:
            self._transport.close()
            return
        for found in self._framer.feed(data):
            assert isinstance(found, Request)
            self._heard.put_nowait(found)
            if found.method == "INVITE":
                contact = found.headers.get("Via").split()[1].partition(";")[0]
                answer = answer_to(found, 200, "far", SDP, f"Contact: <sip:far@{contact}>")
                self._transport.write(answer)  # type: ignore[attr-defined]


@asynccontextmanager
async def tcp_beside(home: House, *, hangs_up: bool = False) -> AsyncIterator[asyncio.Queue[Request]]:
    """Listen on TCP where the bare peer listens on UDP."""
    heard: asyncio.Queue[Request] = asyncio.Queue()
    server = await asyncio.get_running_loop().create_server(
        lambda: TcpPeer(heard, hangs_up=hangs_up), "127.0.0.1", home.peer.port
    )
    try:
        yield heard
    finally:
        server.close()


async def test_a_large_invite_goes_by_tcp_and_its_via_says_so() -> None:
    async with two_ways() as home, tcp_beside(home) as heard:
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", LARGE)
        invite = await asyncio.wait_for(heard.get(), 20)
        assert (invite.via.transport, len(bytes(invite)) > 1300) == ("TCP", True)
        assert await asyncio.wait_for(leg.answered(), 20) == "answered"
        assert home.peer.silent()
        assert home.phone.counters["large_by_tcp"] == 1
        leg.hang_up()


async def test_a_small_invite_stays_with_udp() -> None:
    async with two_ways() as home, tcp_beside(home) as heard:
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", OURS)
        assert (await home.peer.request("INVITE")).via.transport == "UDP"
        assert heard.empty()
        leg.hang_up()


async def refused(home: House) -> None:
    """Call twice: each INVITE comes by UDP, and the second knows the way."""
    for wanted in (1, 1):
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", LARGE)
        invite = await home.peer.request("INVITE")
        assert (invite.via.transport, len(bytes(invite)) > 1300) == ("UDP", True)
        home.peer.send(answer_to(invite, 486, "far"))
        assert await asyncio.wait_for(leg.answered(), 20) == "busy"
        counted = (home.phone.counters["large_by_tcp"], home.phone.counters["large_back_to_udp"])
        assert counted == (wanted, wanted)


async def test_without_tcp_at_the_other_side_it_goes_by_udp_and_the_next_one_at_once() -> None:
    async with two_ways() as home:
        await refused(home)


async def test_a_peer_that_drops_the_connection_gets_it_by_udp() -> None:
    async with two_ways() as home, tcp_beside(home, hangs_up=True):
        await refused(home)


async def test_a_cancel_goes_the_way_of_its_invite() -> None:
    async with two_ways() as home:
        leg = home.phone.call(f"sip:100@127.0.0.1:{home.peer.port}", LARGE)
        home.take(leg)
        invite = await home.peer.request("INVITE")
        home.peer.send(answer_to(invite, 180, "far", extra="Contact: <sip:far@127.0.0.1>"))
        await home.until(("ringing", None))
        leg.hang_up()
        cancel = await home.peer.request("CANCEL")
        assert cancel.headers.get("Via") == invite.headers.get("Via")


async def test_two_telephones_of_ours_pass_a_large_call() -> None:
    only_udp = settings(listen=(Listen(port=free_port()),))
    async with house(only_udp, takes) as far, house() as home:
        host, port = far.phone.address()
        leg = home.phone.call(f"sip:100@{host}:{port}", LARGE)
        assert await asyncio.wait_for(leg.answered(), 20) == "answered"
        leg.hang_up()
