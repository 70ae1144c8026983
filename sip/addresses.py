"""IP addresses as text: reading them, each once."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

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
