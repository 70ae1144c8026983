"""UDP port pairs for calls: RTP on an even port, RTCP on the next (RFC 3550, section 11)."""

from __future__ import annotations

import errno
import ipaddress
import random
import socket
from collections import deque

from sip import dscp
from sip.addresses import place
from sip.media import arrival

_HIGHEST = 0xFFFF
_TAKEN = (errno.EADDRINUSE, errno.EACCES)
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
open_socket = socket.socket  # named apart, so that a test can run out of them


class NoPortFreeError(RuntimeError):
    """Every port pair of the range is taken; the call is to be answered with 503."""


class PortPool:
    """Gives bound sockets; a port given back is used again as late as possible.

    Args:
        host: numeric address to bind to.
        port_range: lowest and highest port, both included.
        order: shuffles the ports, so that the next one is not known to strangers.

    Raises:
        ValueError: `host` is no numeric address, or the range holds no pair.
    """

    def __init__(self, host: str, port_range: tuple[int, int], order: random.Random) -> None:
        low, high = port_range
        self._host = host
        self._family = family(host)
        ports = list(range(low + low % 2, high, 2))
        if not ports or low < 1 or high > _HIGHEST:
            raise ValueError(f"no even UDP port with a neighbour in {low}-{high}")
        order.shuffle(ports)
        self._free = deque(ports)

    def __len__(self) -> int:
        """How many pairs nobody of us has."""
        return len(self._free)

    def take(self) -> tuple[int, socket.socket, socket.socket]:
        """Return a port, its bound RTP socket and the RTCP socket on the port above.

        Raises:
            NoPortFreeError: all are taken, by us or by other programs, or the process may open no more files.
            OSError: the address cannot be used at all.
        """
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                pair = self._bind_pair(port)
            except OSError as error:
                self._free.append(port)
                if error.errno in _TOO_MANY_FILES:
                    raise NoPortFreeError("the process has no file descriptor left for RTP") from error
                raise
            if pair:
                return port, *pair
            self._free.append(port)
        raise NoPortFreeError("every RTP port of the range is taken")

    def give_back(self, port: int) -> None:
        """Take a port back whose sockets are closed."""
        self._free.append(port)

    def bind(self, port: int) -> socket.socket:
        """Return a new socket on `port`, marked for expedited forwarding.

        Raises:
            OSError: the port is taken or the address unusable.
        """
        bound = open_socket(self._family, socket.SOCK_DGRAM)
        try:
            bound.settimeout(0)
            dscp.mark(bound, dscp.EXPEDITED_FORWARDING)
            arrival.stamp(bound)
            bound.bind(place((self._host, port)))
        except OSError:
            bound.close()
            raise
        return bound

    def _bind_pair(self, port: int) -> tuple[socket.socket, socket.socket] | None:
        voice = self._try(port)
        if voice is None:
            return None
        try:
            control = self._try(port + 1)
        except OSError:
            voice.close()
            raise
        if control is None:
            voice.close()
            return None
        return voice, control

    def _try(self, port: int) -> socket.socket | None:
        try:
            return self.bind(port)
        except OSError as error:
            if error.errno in _TAKEN:
                return None
            raise


def family(host: str) -> socket.AddressFamily:
    """Return the address family of a numeric address.

    Raises:
        ValueError: not a numeric address.
    """
    return socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET  # noqa: PLR2004
