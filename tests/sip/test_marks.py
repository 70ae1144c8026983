"""All packets of our TCP and TLS connections are marked CS3, whoever opened them (RFC 4594), on the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sip.dscp import CALL_SIGNALLING
from sip.signalling.phone_settings import Listen
from sip.signalling.phone_settings import Peer as KnownPeer
from tests.sip.peer import OURS, house, settings
from tests.support.certificates import Authority
from tests.support.lacking import lacking

HERE = "127.0.0.7"  # an address that nobody else speaks with


@contextmanager
def sniffing() -> Iterator[socket.socket]:
    """Open a socket that sees all TCP packets sent to `HERE`."""
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    except PermissionError:
        lacking("THE RIGHT TO READ RAW PACKETS (root): marks of TCP cannot be seen")
    with raw:
        raw.bind((HERE, 0))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        raw.settimeout(0)
        yield raw


def marks(seen: socket.socket, port: int) -> set[tuple[bool, int]]:
    """Return the DSCPs of what went from (True) and to (False) a port so far."""
    found = set()
    with suppress(BlockingIOError):
        while True:
            packet = seen.recv(65_535)
            (source,) = struct.unpack_from("!H", packet, (packet[0] & 15) * 4)
            found.add((source == port, packet[1] >> 2))
    return found


def listening(transport: str, papers: Path) -> Listen:
    named = {"certificate": str(papers / "cert.pem"), "key": str(papers / "key.pem")}
    return Listen(transport, HERE, 0, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_both_sides_of_a_call_over_a_connection_mark_all_they_send(
    tmp_path: Path, transport: str
) -> None:
    pair = (authority := Authority()).pair(HERE)
    for name, text in (("cert", pair.certificate), ("key", pair.key), ("ca", authority.certificate)):
        (tmp_path / f"{name}.pem").write_text(text)
    anyone = KnownPeer("anyone", (HERE,))
    ours = settings(listen=(Listen(port=0), listening(transport, tmp_path)), peers=(anyone,))
    with sniffing() as seen:
        async with house(ours) as called:
            host, port = called.phone.address(transport)
            ca = str(tmp_path / "ca.pem")
            trunk = KnownPeer("trunk", (HERE,), host=f"{host}:{port}", transport=transport, ca=ca)  # type: ignore[arg-type]
            async with house(replace(ours, peers=(trunk,))) as calling:
                leg = calling.phone.call("100", OURS, line="trunk")
                (await called.leg()).answer(OURS)
                assert await asyncio.wait_for(leg.answered(), 20) == "answered"
                leg.hang_up()
                await called.until(("ended", "caller"))
        assert marks(seen, port) == {(True, CALL_SIGNALLING), (False, CALL_SIGNALLING)}
