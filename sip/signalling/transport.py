"""Carrying SIP messages: where they go (`Hop`) and the UDP transport (RFC 3261 18)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from sip import dscp
from sip.addresses import is_unspecified, place, told
from sip.signalling.arrival import Arrival, watched
from sip.signalling.framing import PING

LARGEST_DATAGRAM = 65_535
_AT_ONCE = 16  # datagrams
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

    def send(self, data: bytes, to: Address, own: str = "") -> None:
        """Send one message, from our address `own` unless "": raises OSError when it cannot leave."""

    def ping(self, to: Address, own: str = "") -> None:
        """Keep the way to an address open: raises OSError as `send` does."""

    def alive(self, to: Address) -> bool:
        """Tell whether a way to an address stands that need not be opened first."""

    def here(self, to: Address) -> str:
        """Give our own address on the way to another."""

    def close(self) -> None:
        """Close."""


@dataclass(frozen=True, slots=True)
class Hop:
    """The next place a message goes to, or came from.

    Args:
        carrier: what carries it.
        address: the place.
        own: our address that it came to, where we have several; "" leaves the choice to the system. Places
            are the same whichever of our addresses they wrote to.
    """

    carrier: Carrier
    address: Address
    own: str = field(default="", compare=False)

    def send(self, data: bytes) -> None:
        """Send one message; raises OSError when it cannot leave."""
        self.carrier.send(data, self.address, self.own)

    def ping(self) -> None:
        """Keep the way there open; raises OSError when nothing can leave."""
        self.carrier.ping(self.address, self.own)

    @property
    def here(self) -> str:
        """Our own address on the way there."""
        return self.own or self.carrier.here(self.address)


Received = Callable[[bytes, Hop], None]


class Udp:
    """One UDP socket.

    Not asyncio's own datagram transport: that reads one datagram for each look at all files, which costs a
    tenth of a short call's time when many calls come at once.

    Args:
        received: called with each datagram.
    """

    name = "udp"
    reliable = False

    def __init__(self, received: Received) -> None:
        self._received = received
        self._socket: socket.socket | None = None
        self._arrival: Arrival | None = None  # on all addresses only
        self.local: Address = ("", 0)

    async def open(self, host: str, port: int) -> None:
        """Bind.

        Raises:
            OSError: the address is in use or not ours.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
            self._socket = _bound(found[0][0], found[0][4])
        except OSError as error:
            raise OSError(
                error.errno, f"SIP over UDP cannot listen on {host}:{port}: {error.strerror}"
            ) from None
        self.local = told(self._socket.getsockname())
        self._arrival = watched(self._socket) if is_unspecified(self.local[0]) else None
        loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        """Hand on what has come, some at a time: the audio clock must not wait for a flood."""
        for _ in range(_AT_ONCE):
            if self._socket is None:
                return
            try:
                data, source, own = self._receive(self._socket)
            except OSError:
                # Nothing more; or an ICMP error: a connectionless socket cannot tell whose, timers decide.
                return
            self._received(data, Hop(self, source, own))

    def _receive(self, sock: socket.socket) -> tuple[bytes, Address, str]:
        if self._arrival:
            return self._arrival.receive(sock, LARGEST_DATAGRAM)
        data, source = sock.recvfrom(LARGEST_DATAGRAM)
        return data, told(source), ""

    def send(self, data: bytes, to: Address, own: str = "") -> None:
        """Send one datagram; one that the system has no room or no way for is lost like any other.

        Raises:
            OSError: too large for a datagram, or the socket is closed.
        """
        if self._socket is None:
            raise OSError("socket is closed")
        try:
            if own and self._arrival:
                self._arrival.send(self._socket, data, to, own)
            else:
                self._socket.sendto(data, place(to))
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise

    def ping(self, to: Address, own: str = "") -> None:
        """Send line ends, which every SIP element passes over (RFC 3261 7.5); nothing comes back."""
        self.send(PING, to, own)

    @property
    def listening(self) -> bool:
        """Tell whether the socket is open."""
        return self._socket is not None

    def alive(self, to: Address) -> bool:  # noqa: ARG002  # a datagram needs no way to be opened
        """Tell that every address can be written to."""
        return True

    def here(self, to: Address) -> str:
        """Give the bound address, or the one that the system would take."""
        return local_address(to[0]) if is_unspecified(self.local[0]) else self.local[0]

    def close(self) -> None:
        """Close the socket."""
        if self._socket:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None


def _bound(family: int, where: tuple[object, ...]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)  # noqa: FBT003  # the name of the parameter cannot be given
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
        mark(bound)
        bound.bind(where)
    except OSError:
        bound.close()
        raise
    return bound


def mark(sock: socket.socket) -> None:
    """Mark a socket's packets CS3 and let it hold a burst; both only where the system allows."""
    dscp.mark(sock, dscp.CALL_SIGNALLING)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)


@lru_cache(maxsize=1024)
def local_address(towards: str) -> str:
    """Ask the system which of our addresses it would use towards a host; sends nothing."""
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(place((towards, 9)))
        return told(probe.getsockname())[0]
