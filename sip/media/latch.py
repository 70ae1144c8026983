"""Where a peer's sound may come from: symmetric RTP (RFC 4961, 7362) that a stranger cannot take over.

A peer behind address translation sends from elsewhere than its SDP says. Whoever sends from the announced
address is believed at once and for good. Another source is believed only if it lies on a host that the
signalling vouches for and has shown several packets in a row of one RTP stream, and only while nothing came
from the announced address.
"""

from __future__ import annotations

from typing import Final

from sip.media import rtp

Address = tuple[str, int]

_IN_A_ROW: Final = 3


class Latch:
    """Decides, packet by packet, whether a source is the peer.

    Args:
        announced: address and port of the SDP.
        hosts: further addresses from which the peer may send, e.g. where its signalling comes from.
    """

    def __init__(self, announced: Address, hosts: frozenset[str] = frozenset()) -> None:
        self.announced = announced
        self.source: Address | None = None
        self._hosts = hosts | {announced[0]}
        self._candidate: tuple[Address, int] = (("", 0), 0)
        self._row: list[int] = []

    @property
    def certain(self) -> bool:
        """The peer is heard from where its SDP says: nothing else needs to be let in."""
        return self.source == self.announced

    @property
    def target(self) -> Address:
        """Where to send."""
        return self.source or self.announced

    def admit(self, source: Address, packet: rtp.Packet) -> bool:
        """Return whether a packet is the peer's."""
        if source == self.announced:
            self.source = source
            return True
        if self.source is None and source[0] in self._hosts and self._proves(source, packet):
            self.source = source
        return source == self.source

    def knows(self, host: str) -> bool:
        """Return whether the peer may send from `host`."""
        return host in self._hosts or (self.source is not None and host == self.source[0])

    def release(self) -> None:
        """Forget where the peer was: it went silent, and may come back from elsewhere."""
        self.source = None

    def _proves(self, source: Address, packet: rtp.Packet) -> bool:
        if self._candidate != (source, packet.ssrc) or not self._follows(packet.sequence):
            self._candidate, self._row = (source, packet.ssrc), []
        self._row.append(packet.sequence)
        return len(self._row) >= _IN_A_ROW

    def _follows(self, sequence: int) -> bool:
        return 0 < rtp.sequence_after(sequence, self._row[-1]) < _IN_A_ROW
