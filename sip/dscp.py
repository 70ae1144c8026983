"""Marks packets so that voice gets through beside a practice's image transfers (RFC 4594)."""

from __future__ import annotations

import contextlib
import socket
from typing import Final, Protocol

EXPEDITED_FORWARDING: Final = 46  # EF: RTP and RTCP
CALL_SIGNALLING: Final = 24  # CS3: SIP

_ECN_BITS: Final = 2


class Markable(Protocol):
    """A socket, or asyncio's wrapping of one (`transport.get_extra_info("socket")`)."""

    @property
    def family(self) -> int:
        """The address family."""

    def setsockopt(self, level: int, option: int, value: int, /) -> object:
        """As in `socket`."""


def mark(sender: Markable, code: int) -> None:
    """Let everything that `sender` sends carry the DSCP `code`; a system that refuses is not an error."""
    traffic_class = code << _ECN_BITS
    with contextlib.suppress(OSError):
        if sender.family == socket.AF_INET6:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
        else:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, traffic_class)
