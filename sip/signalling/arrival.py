"""To which of our addresses a datagram was sent, and sending the answer from there (RFC 3261 18.2.2).

A socket bound to all addresses sends from the one that the system's routes take, which need not be the one
that the peer wrote to: many peers, and firewalls on the way, drop such an answer.
"""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import ip_address

from sip import addresses

_IP_PKTINFO = {"linux": 8, "darwin": 26}.get(sys.platform, 0)  # Python names it only from 3.14 on
_ROOM = 64  # bytes for what the system tells


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a system tells where datagrams arrive.

    Args:
        level: IPPROTO_IP or IPPROTO_IPV6.
        switch: the option that makes it tell.
        kind: what it then tells, and is told in sending.
        told: in_pktinfo or in6_pktinfo (RFC 3542 6), with nothing but the address that was written to.
        telling: the same with nothing but the address to send from.
    """

    level: int
    switch: int
    kind: int
    told: struct.Struct
    telling: struct.Struct

    def receive(self, sock: socket.socket, largest: int) -> tuple[bytes, tuple[str, int], str]:
        """Read one datagram; give it, its source, and our address that it came to ("" if untold).

        Raises:
            OSError: there is none.
        """
        data, ancillary, _, place = sock.recvmsg(largest, _ROOM)
        source = addresses.told(place)
        for level, kind, value in ancillary:
            if (level, kind) == (self.level, self.kind) and len(value) >= self.told.size:
                own = str(ip_address(self.told.unpack_from(value)[0]))
                return data, source, addresses.beside(own, source[0])
        return data, source, ""

    def send(self, sock: socket.socket, data: bytes, to: tuple[str, int], own: str) -> None:
        """Send one datagram from an address of ours.

        Raises:
            OSError: it is too large, or cannot be sent from there.
        """
        source = self.telling.pack(ip_address(own).packed)
        sock.sendmsg([data], [(self.level, self.kind, source)], 0, addresses.place(to))


def watched(sock: socket.socket) -> Arrival | None:
    """Let a socket tell where its datagrams arrive; None where the system knows no such thing."""
    if sock.family == socket.AF_INET6:
        switch, kind = getattr(socket, "IPV6_RECVPKTINFO", 0), getattr(socket, "IPV6_PKTINFO", 0)
        layout = struct.Struct("=16s4x")
        made = Arrival(socket.IPPROTO_IPV6, switch, kind, layout, layout)
    else:
        layout = struct.Struct("=8x4s")
        made = Arrival(socket.IPPROTO_IP, _IP_PKTINFO, _IP_PKTINFO, layout, struct.Struct("=4x4s4x"))
    if not made.switch:
        return None
    try:
        sock.setsockopt(made.level, made.switch, 1)
    except OSError:
        return None
    return made
