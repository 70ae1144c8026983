"""A small name server on loopback for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Zone = dict[tuple[str, str], list[str]]


class NameServer(asyncio.DatagramProtocol):
    """Answers from a table."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport
        query = dns.message.from_wire(data)
        question = query.question[0]
        kind = question.rdtype.name
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = self.zone.get((question.name.to_text(), kind), [])
        if records:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        else:
            answer.authority.append(dns.rrset.from_text(".", 60, "IN", "SOA", ". . 1 60 60 60 60"))
            if not any(f".{name}".endswith(f".{question.name}") for name, _ in self.zone):  # RFC 8020
                answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), addr)

    def close(self) -> None:
        assert self._transport
        self._transport.close()


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[NameServer]:
    """Serve a zone on a free port."""
    made = NameServer(dict(zone))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=("127.0.0.1", 0))
    try:
        yield made
    finally:
        made.close()
