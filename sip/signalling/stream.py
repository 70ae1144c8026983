"""TCP and TLS: connections that are opened, kept, used both ways and closed (RFC 3261 18, RFC 5923)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from sip import addresses
from sip.signalling.certificates import CertificateError, Renewable, client_context
from sip.signalling.core import DEFAULT_PORTS
from sip.signalling.framing import PING, PONG, Framer, Ping
from sip.signalling.message import Message, MessageError
from sip.signalling.phone_settings import Listen
from sip.signalling.transport import Address, Hop, local_address, mark

MOST_CONNECTIONS = 512
MOST_PER_SOURCE = 64
_CONNECT_S = 5.0  # a caller waits meanwhile
_PONG_S = 10.0  # RFC 5626 4.4.1
_HALF_MESSAGE_S = 20.0  # a message must be complete by then
_PENDING_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Inlet:
    """Whom a stream transport tells what arrives.

    Args:
        message: a message and where it came from.
        fault: what could not be read.
        lost: the connection to an address is gone, or could not be made.
        admits: whether a source may connect at all.
    """

    message: Callable[[Message, Hop], None]
    fault: Callable[[MessageError, Hop], None]
    lost: Callable[[Hop], None]
    admits: Callable[[str], bool]


class Stream:
    """The TCP or TLS transport.

    Args:
        name: "tcp" or "tls".
        inlet: where messages go.
    """

    reliable = True

    def __init__(self, name: str, inlet: Inlet) -> None:
        self.name = name
        self.inlet = inlet
        # Until it listens the unspecified address stands for "the one towards the peer".
        self.local: Address = ("0.0.0.0", DEFAULT_PORTS[name])  # noqa: S104
        self.connections: dict[Address, Connection] = {}
        self.sources: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._papers: Renewable | None = None
        self._expected: dict[Address, tuple[str, str]] = {}
        self._dialling: set[asyncio.Task[None]] = set()

    async def open(self, listen: Listen) -> None:
        """Listen.

        Raises:
            OSError: the address is in use or not ours, or the certificate cannot be read.
        """
        context = self._identified(listen) if self.name == "tls" else None
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Connection(self), listen.host, listen.port, ssl=context
            )
        except OSError as error:
            place = f"{listen.host}:{listen.port}"
            raise OSError(
                error.errno, f"SIP over {self.name} cannot listen on {place}: {error.strerror}"
            ) from None
        for listening in self._server.sockets:
            mark(listening)  # what is accepted there is marked from its first packet on
        self.local = addresses.told(self._server.sockets[0].getsockname())

    def _identified(self, listen: Listen) -> ssl.SSLContext:
        try:
            self._papers = Renewable(listen.certificate, listen.key)
        except CertificateError as error:
            raise OSError(f"SIP over TLS cannot use the certificate {listen.certificate}: {error}") from None
        return self._papers.context

    @property
    def listening(self) -> bool:
        """Tell whether others can connect to us."""
        return self._server is not None

    def renew(self) -> bool:
        """Take a renewed certificate into use; return whether there was one.

        Raises:
            CertificateError: it cannot be used; the former one goes on.
        """
        return self._papers.renew() if self._papers else False

    def expect(self, address: Address, name: str, ca: str = "") -> None:
        """Say what name the certificate at an address must show, and whose word counts ("" the system's)."""
        self._expected[address] = (name, ca)

    def alive(self, to: Address) -> bool:
        """Tell whether there is a connection to an address, or one that we know how to open again."""
        return to in self.connections or to in self._expected

    def here(self, to: Address) -> str:
        """Give the address that the connection has at our end: a machine may have several."""
        connection = self.connections.get(to)
        return (connection and connection.here) or local_address(to[0])

    def send(self, data: bytes, to: Address, own: str = "") -> None:  # noqa: ARG002  # it has an end of ours
        """Send over the connection to `to`, opening one if need be.

        Raises:
            OSError: the connection does not take what we write, or there are too many.
        """
        connection = self.connections.get(to)
        if connection is None:
            if len(self.connections) >= MOST_CONNECTIONS:
                raise OSError("too many connections")
            connection = self.connections[to] = Connection(self, to)
            task = asyncio.get_running_loop().create_task(self._dial(connection, to))
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)
        connection.write(data)

    def ping(self, to: Address, own: str = "") -> None:  # noqa: ARG002  # as above
        """Keep a connection open, if it still stands, and look whether the other side does.

        Raises:
            OSError: the connection does not take what we write.
        """
        connection = self.connections.get(to)
        if connection:
            connection.ping()

    async def _dial(self, connection: Connection, to: Address) -> None:
        try:
            name, ca = self._expected.get(to, (to[0], ""))
            context = client_context(ca) if self.name == "tls" else None
            async with asyncio.timeout(_CONNECT_S):
                sock = await _connected(to, self._end_towards(to[0]))
                await asyncio.get_running_loop().create_connection(
                    lambda: connection,
                    sock=sock,
                    ssl=context,
                    server_hostname=addresses.bare(name) if context else None,
                )
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError
            self.gone(connection)

    def _end_towards(self, host: str) -> Address | None:
        """Call from the address that we listen on, where it is one: peers know us by it."""
        own, far = addresses.read(self.local[0]), addresses.read(host)
        same = (own.version, own.is_loopback) == (far.version, far.is_loopback)
        return (self.local[0], 0) if same and not own.is_unspecified else None

    def gone(self, connection: Connection) -> None:
        """Forget a connection and tell whoever waits for something on it."""
        if self.connections.get(connection.peer) is connection:
            del self.connections[connection.peer]
            self.inlet.lost(Hop(self, connection.peer))

    def close(self) -> None:
        """Stop listening and close all connections."""
        if self._server:
            self._server.close()
        for connection in list(self.connections.values()):
            connection.close()
        for task in self._dialling:
            task.cancel()


async def _connected(to: Address, end: Address | None) -> socket.socket:
    """Connect a socket that is marked from its first packet on, which asyncio's own are not."""
    family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
    # Unless the protocol is named, asyncio lets small messages wait until the ones before are acknowledged.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setblocking(False)  # noqa: FBT003  # the name of the parameter cannot be given
        mark(made)
        if end:
            made.bind(addresses.place(end))
        await asyncio.get_running_loop().sock_connect(made, addresses.place(to))
    except BaseException:
        made.close()
        raise
    return made


class Connection(asyncio.Protocol):
    """One connection; `peer` is given when we dial."""

    def __init__(self, owner: Stream, peer: Address = ("", 0)) -> None:
        self.owner = owner
        self.peer = peer
        self._dialled = bool(peer[0])
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._pending: list[bytes] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._pong: asyncio.TimerHandle | None = None
        self._pongs = False
        self._counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the peer, or close without a word."""
        self._transport = cast("asyncio.Transport", transport)
        mark(transport.get_extra_info("socket"))
        if not self._dialled:
            self.peer = addresses.told(transport.get_extra_info("peername"))
            if not self._admitted():
                self._transport.abort()
                return
            self.owner.sources[self.peer[0]] += 1
            self._counted = True
            self.owner.connections[self.peer] = self
        for data in self._pending:
            self._transport.write(data)
        self._pending.clear()

    def _admitted(self) -> bool:
        owner = self.owner
        if len(owner.connections) >= MOST_CONNECTIONS or owner.sources[self.peer[0]] >= MOST_PER_SOURCE:
            return False
        return owner.inlet.admits(self.peer[0])

    @property
    def here(self) -> str:
        """Our end's address; "" before the connection stands."""
        return addresses.told(self._transport.get_extra_info("sockname"))[0] if self._transport else ""

    def data_received(self, data: bytes) -> None:
        """Hand on every message that is complete."""
        data = self._alive(data)
        hop = Hop(self.owner, self.peer)
        for found in self._framer.feed(data):
            if isinstance(found, Ping):
                self.write(PONG)
            elif isinstance(found, MessageError):
                self.owner.inlet.fault(found, hop)
            else:
                self.owner.inlet.message(found, hop)
        if self._framer.lost:
            self.close()
        self._watch()

    def ping(self) -> None:
        """Send a ping; who has answered one before and leaves one unanswered is gone (RFC 5626 4.4.1).

        Those that never answer know no pings, and are believed to be there as long as the connection stands.

        Raises:
            OSError: the peer does not read.
        """
        self.write(PING)
        if self._pong is None:
            self._pong = asyncio.get_running_loop().call_later(_PONG_S, self._unanswered)

    def _unanswered(self) -> None:
        self._pong = None
        if self._pongs and self._transport:
            self._transport.abort()

    def _alive(self, data: bytes) -> bytes:
        """Take note that the peer is there; give what it says besides the pong that we wait for."""
        if self._pong is None:
            return data
        self._pong.cancel()
        self._pong = None
        if len(self._framer) or not data.startswith(PONG) or data.startswith(PING):
            return data
        self._pongs = True
        return data[len(PONG) :]

    def _watch(self) -> None:
        """Give an unfinished message its time: a peer that sends byte by byte must not hold us."""
        unfinished = len(self._framer) > len(PING)
        if not unfinished and self._deadline:
            self._deadline.cancel()
            self._deadline = None
        elif unfinished and self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(_HALF_MESSAGE_S, self.close)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # why does not matter
        """Forget."""
        for timer in (self._deadline, self._pong):
            if timer:
                timer.cancel()
        if self._counted:
            self.owner.sources[self.peer[0]] -= 1
            if not self.owner.sources[self.peer[0]]:
                del self.owner.sources[self.peer[0]]
        self._transport = None
        self.owner.gone(self)

    def write(self, data: bytes) -> None:
        """Write now, or when connected.

        Raises:
            OSError: the peer does not read.
        """
        if self._transport is None:
            self._pending.append(data)
            return
        if self._transport.get_write_buffer_size() > _PENDING_BYTES:
            raise OSError("the peer does not read")
        self._transport.write(data)

    def close(self) -> None:
        """Close after what is written has left."""
        if self._transport:
            self._transport.close()
