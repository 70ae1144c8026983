"""Datagrams and when they came: by the kernel's clock where it tells (Linux), else when they are read.

The clock reads late on purpose (see `sip.media.engine`), and a busy process without meaning to; neither is
jitter of the network.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from typing import Final

from sip.addresses import told
from sip.media.latch import Address

_STAMPED: Final = 35  # SO_TIMESTAMPNS of asm-generic/socket.h; its control message has the same number
_TIME: Final = struct.Struct("@ll")  # struct timespec: seconds since 1970 and nanoseconds
_ROOM: Final = socket.CMSG_SPACE(_TIME.size)
_LARGEST: Final = 1500  # bytes of a datagram that are looked at
_LATEST_S: Final = 1.0  # a datagram that seems to have waited longer met a clock that was set


def stamp(sock: socket.socket) -> None:
    """Let the kernel tell when datagrams come to a socket, where it can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)


def receive(sock: socket.socket, now: float) -> tuple[bytes, Address, float]:
    """Return a waiting datagram, its source and when it came, on the clock that shows `now` (seconds).

    Raises:
        OSError: none is there, or an ICMP error is: the peer's socket is closed.
    """
    data, control, _, source = sock.recvmsg(_LARGEST, _ROOM)
    for _, kind, stamped in control:
        if kind == _STAMPED and len(stamped) == _TIME.size:
            seconds, nanoseconds = _TIME.unpack(stamped)
            waited = time.time() - seconds - nanoseconds / 1e9
            return data, told(source), now - waited if 0 < waited < _LATEST_S else now
    return data, told(source), now
