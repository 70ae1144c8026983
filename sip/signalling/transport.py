"""Carrying SIP messages: where they go (`Hop`) and the UDP transport (RFC 3261 18)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from sip import dscp

LARGEST_DATAGRAM = 65_535
_RECEIVE_BUFFER = 4 * 1024 * 1024

Address = tuple[str, int]


class Carrier(Protocol):
    """Something that sends bytes to an address."""

    name: str
    reliable: bool
    local: Address

    @property
    def listening(self) -> bool:
        """Tell whether others can begin to talk to us here."""

    def send(self, data: bytes, to: Address) -> None:
        """Send one message; raises OSError when it cannot leave."""

    def alive(self, to: Address) -> bool:
        """Tell whether a way to an address stands that need not be opened first."""

    def close(self) -> None:
        """Close."""


@dataclass(frozen=True, slots=True)
class Hop:
    """The next place a message goes to, or came from."""

    carrier: Carrier
    address: Address

    def send(self, data: bytes) -> None:
        """Send one message; raises OSError when it cannot leave."""
        self.carrier.send(data, self.address)


Received = Callable[[bytes, Hop], None]


class Udp(asyncio.DatagramProtocol):
    """One UDP socket.

    Args:
        received: called with each datagram.
    """

    name = "udp"
    reliable = False

    def __init__(self, received: Received) -> None:
        self._received = received
        self._transport: asyncio.DatagramTransport | None = None
        self.local: Address = ("", 0)

    async def open(self, host: str, port: int) -> None:
        """Bind.

        Raises:
            OSError: the address is in use or not ours.
        """
        loop = asyncio.get_running_loop()
        try:
            await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        except OSError as error:
            raise OSError(
                error.errno, f"SIP over UDP cannot listen on {host}:{port}: {error.strerror}"
            ) from None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the socket and mark its packets."""
        # Python 3.11's selector transport does not derive from DatagramTransport, so no isinstance here.
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.local = transport.get_extra_info("sockname")[:2]
        mark(transport.get_extra_info("socket"))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand a datagram on."""
        self._received(data, Hop(self, addr[:2]))

    def error_received(self, exc: Exception) -> None:
        """Ignore ICMP errors: a connectionless socket cannot tell whose they are; timers decide."""

    def send(self, data: bytes, to: Address) -> None:
        """Send one datagram.

        Raises:
            OSError: too large for a datagram, or the socket is closed.
        """
        if self._transport is None or self._transport.is_closing():
            raise OSError("socket is closed")
        if len(data) > LARGEST_DATAGRAM - 28:
            raise OSError("message too large for a datagram")
        self._transport.sendto(data, to)

    @property
    def listening(self) -> bool:
        """Tell whether the socket is open."""
        return self._transport is not None

    def alive(self, to: Address) -> bool:  # noqa: ARG002  # a datagram needs no way to be opened
        """Tell that every address can be written to."""
        return True

    def close(self) -> None:
        """Close the socket."""
        if self._transport:
            self._transport.close()


def mark(sock: socket.socket) -> None:
    """Mark a socket's packets CS3 and let it hold a burst; both only where the system allows."""
    dscp.mark(sock, dscp.CALL_SIGNALLING)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
