"""IP addresses as text: reading them, each once.

A link-local IPv6 address means a host only together with the interface it is reached over: "fe80::1%eth0"
(RFC 4007 11). That belongs to this machine alone and is never written into a message; what a message names
without it is reached over the interface that the message came by.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

Place = tuple[str, int] | tuple[str, int, int, int]  # of IPv4; of IPv6, with the interface's number at last

_KEPT = 1024  # a line talks to a few hosts, and every message names them several times


@lru_cache(_KEPT)
def read(text: str) -> IPv4Address | IPv6Address:
    """Read a numeric address.

    Raises:
        ValueError: not a numeric address.
    """
    return ip_address(text)


def is_address(text: str) -> bool:
    """Tell a numeric address from a name."""
    try:
        read(text)
    except ValueError:
        return False
    return True


def is_unspecified(text: str) -> bool:
    """Tell whether an address means no host, or all of ours."""
    return read(text).is_unspecified


@lru_cache(_KEPT)
def is_global(text: str) -> bool:
    """Tell whether an address means the same host everywhere (RFC 6890)."""
    return read(text).is_global


def bare(text: str) -> str:
    """Give an address as others may read it, without our interface."""
    return text.partition("%")[0]


def zone(text: str) -> str:
    """Give the interface of an address, "" where none is named."""
    return text.partition("%")[2]


def lacks_zone(text: str) -> bool:
    """Tell whether nobody can be reached by an address, for want of its interface."""
    return "%" not in text and is_address(text) and read(text).is_link_local and ":" in text


def beside(text: str, near: str) -> str:
    """Give a link-local address that names no interface that of another address, if this one has any."""
    return f"{text}%{zone(near)}" if "%" in near and lacks_zone(text) else text


def told(place: Place) -> tuple[str, int]:
    """Read a host and a port as the system gives them: two values for IPv4, four for IPv6."""
    if len(place) == 2:  # noqa: PLR2004  # as said above; every packet of every call comes by here
        return place
    host, port, _, index = place
    if not index or "%" in host:
        return host, port
    try:
        return f"{host}%{socket.if_indextoname(index)}", port
    except OSError:  # it has just gone
        return host, port


def place(address: tuple[str, int]) -> Place:
    """Write a host and a port as the system wants them; an interface that is not there is left out."""
    host, port = address
    if "%" not in host:
        return address
    try:
        return bare(host), port, 0, socket.if_nametoindex(zone(host))
    except OSError:
        return bare(host), port
