"""A stream's two sockets: RTP, aimed at the peer, and RTCP beside it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Protocol

from sip.addresses import place
from sip.media import kernel_filter
from sip.media.latch import Address
from sip.media.ports import PortPool
from sip.media.rows import Outlet

Read = Callable[[socket.socket], None]


class Watch(Protocol):
    """Who waits for datagrams (the engine)."""

    def watch(self, sock: socket.socket, read: Read) -> None:
        """Call `read(sock)` whenever a datagram waits."""

    def unwatch(self, sock: socket.socket) -> None:
        """Stop that."""


class MediaSocket:
    """RTP and RTCP of one stream.

    Args:
        ports: gives the port and takes it back.
        watch: is told which sockets to wait for.
        on_rtp: called when a datagram waits on the RTP socket.
        on_rtcp: called when a datagram waits on the RTCP socket.

    Raises:
        sip.media.ports.NoPortFreeError: no port is left.
    """

    def __init__(self, ports: PortPool, watch: Watch, on_rtp: Read, on_rtcp: Read) -> None:
        self.filtering = kernel_filter.AVAILABLE
        self._ports, self._watch = ports, watch
        self._on_rtp: Read | None = on_rtp
        self.port, self._rtp, self._rtcp = ports.take()
        self._connected: Address | None = None
        self._filtered: tuple[int, int] | None = None
        self._dropped = 0  # by sockets that are closed
        watch.watch(self._rtp, on_rtp)
        watch.watch(self._rtcp, on_rtcp)

    def aim(self, target: Address, *, certain: bool) -> Outlet:
        """Return what sends RTP to `target`.

        Args:
            target: address and port.
            certain: nothing else is to be received; the kernel then drops everybody else's datagrams.
        """
        if self._connected and (self._connected != target or not certain):
            self._reopen()
        if not certain:
            return _SendTo(self._rtp, target)
        if not self._connected:
            self._rtp.connect(place(target))
            self._connected = target
        return self._rtp.send

    def send_control(self, data: bytes, target: Address) -> None:
        """Send RTCP; it is no loss if that fails."""
        with contextlib.suppress(OSError):
            self._rtcp.sendto(data, place(target))

    def filter(self, wanted: tuple[int, int] | None, phase: int = 0) -> None:
        """Filter voice of (payload type, SSRC) in the kernel, where that can be done; None for no more.

        `phase` tells which of the voice packets are let through as samples, see `kernel_filter.attach`.
        """
        if wanted == self._filtered or not self.filtering:
            return
        with contextlib.suppress(OSError):
            if wanted:
                kernel_filter.attach(self._rtp, *wanted, phase)
            else:
                kernel_filter.detach(self._rtp)
            self._filtered = wanted

    @property
    def filtered(self) -> bool:
        """Voice is filtered now."""
        return self._filtered is not None

    @property
    def dropped(self) -> int:
        """Datagrams that came and were never to be read: mostly voice that the kernel filtered."""
        if not self.filtering or self._rtp.fileno() < 0:
            return self._dropped
        with contextlib.suppress(OSError):
            return self._dropped + kernel_filter.dropped(self._rtp)
        return self._dropped

    def close(self) -> None:
        """Close both sockets and give the port back."""
        self._dropped = self.dropped
        for sock in (self._rtp, self._rtcp):
            if sock.fileno() >= 0:  # else it is one that could not be opened anew
                self._watch.unwatch(sock)
                sock.close()
        self._on_rtp = None
        self._ports.give_back(self.port)

    def _reopen(self) -> None:
        """Open the port anew: the portable way to receive from everywhere after `connect`."""
        self._dropped = self.dropped
        self._watch.unwatch(self._rtp)
        self._rtp.close()
        self._rtp = self._ports.bind(self.port)
        self._connected = self._filtered = None
        if self._on_rtp:
            self._watch.watch(self._rtp, self._on_rtp)


class _SendTo:
    """Sends to a peer that may yet turn out to be elsewhere."""

    def __init__(self, sock: socket.socket, target: Address) -> None:
        self._sock, self._target = sock, place(target)

    def __call__(self, packet: bytes) -> None:
        self._sock.sendto(packet, self._target)
