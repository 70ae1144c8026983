"""RTP packets of many calls, laid out by numpy, sent call by call.

What a few numpy calls cost on a processor that has just slept is more than a hundred packets' layout. So a
few rows are laid out for several packet times at once; whatever changes a row cuts that short.

Measured on one core with RTP both ways (docs/performance.md): a row per call and a plain `send` on the call's
own connected socket cost about what a C program with a socket per call costs; only a port shared by all calls
(`sendmmsg`) is a fifth cheaper, and would cost a call its own port, symmetric RTP and the kernel's source
check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from sip.media import rtp
from sip.media.sounds import SoundBank

Outlet = Callable[[bytes], object]

_HEADER: Final = np.dtype(
    [("flags", "u1"), ("kind", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)
_VERSION_2: Final = 0x80
_MARKER: Final = 0x80
_UNMARKED: Final = 0x7F
_ENDLESS: Final = 1 << 60
_LAID_OUT: Final = 2048  # packets at once: more than that would only drive each other out of the cache
_AHEAD: Final = 16  # packet times at once


class Member(Protocol):
    """Who owns a row."""

    row: int

    def sound_over(self) -> None:
        """The packets given to `Rows.sound` are sent."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a row's RTP timeline begins: the header of its first packet."""

    ssrc: int
    sequence: int
    timestamp: int
    payload_type: int


class Rows:
    """The packets of all calls that send at the same moment and with the same packet time.

    Args:
        bank: where the rows' sounds lie.
        packet: payload bytes per packet, 8 per millisecond.
    """

    def __init__(self, bank: SoundBank, packet: int) -> None:
        self.packet = packet
        self.failed = 0  # packets that the kernel refused, e.g. after an ICMP "port unreachable"
        self.ticks = 0
        self.busy = False  # there are rows
        self._bank = bank
        self._marked = False
        self._members: list[Member] = []
        self._outlets: list[Outlet] = []
        self._laid: list[list[bytes]] = []  # the rows' packets, one list per packet time
        self._gone = 0  # those packet times that are over
        self._allocate(16)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, member: Member, start: Start, outlet: Outlet, silence: int) -> None:
        """Give `member` a row; its first packet leaves with the next `tick`.

        Args:
            member: gets its `row` set, now and whenever rows move.
            start: the RTP timeline's beginning.
            outlet: takes the finished packet; must not add or remove rows.
            silence: the bank's offset of silence.
        """
        self._cut()
        if len(self._members) == len(self._header):
            self._enlarge()
        member.row = len(self._members)
        self._members.append(member)
        self._outlets.append(outlet)
        self.busy = True
        header, self._marked = self._header[member.row], True
        header["flags"], header["kind"] = _VERSION_2, start.payload_type | _MARKER
        header["sequence"], header["timestamp"] = start.sequence, start.timestamp
        header["ssrc"] = start.ssrc
        self.quiet(member.row, silence)

    def remove(self, row: int) -> None:
        """Take a row out; the last one moves into its place."""
        self._cut()
        last = len(self._members) - 1
        if row != last:
            for array in self._columns():
                array[row] = array[last]
            self._members[row] = self._members[last]
            self._members[row].row = row
            self._outlets[row] = self._outlets[last]
        self._members.pop()
        self._outlets.pop()
        self.busy = last > 0

    def sound(self, row: int, offset: int, packets: int) -> None:
        """Send `packets` packets from the bank's `offset` on, then tell the member to say what next."""
        self._cut()
        self._position[row], self._step[row], self._left[row] = offset, self.packet, packets

    def quiet(self, row: int, silence: int, packets: int = _ENDLESS) -> None:
        """Send silence; after `packets` packets tell the member."""
        self._cut()
        self._position[row], self._step[row], self._left[row] = silence, 0, packets

    def mark(self, row: int) -> None:
        """Let the next packet carry the marker: something new begins (RFC 3551, section 4.1)."""
        self._cut()
        self._header["kind"][row] |= _MARKER
        self._marked = True

    def let_out(self, row: int, outlet: Outlet) -> None:
        """Change where a row's packets go."""
        self._outlets[row] = outlet

    def position(self, row: int) -> int:
        """Return the bank's offset of the row's next packet."""
        return int(self._position[row] + self._gone * self._step[row])

    def timeline(self, row: int) -> Start:
        """Return the header that the row's next packet will carry."""
        header = self._header[row]
        sequence = int(header["sequence"]) + self._gone & 0xFFFF
        timestamp = int(header["timestamp"]) + self._gone * self.packet & 0xFFFF_FFFF
        return Start(int(header["ssrc"]), sequence, timestamp, int(header["kind"]) & ~_MARKER)

    def tick(self) -> None:
        """Send one packet per row."""
        count = len(self._members)
        if not count:
            return
        if not self._laid:
            self._laid = self._lay_out(count)
        self._send(self._laid[self._gone])
        self._gone += 1
        self.ticks += 1
        if self._gone == len(self._laid):
            self._cut()
            self._tell(np.flatnonzero(self._left[:count] == 0))

    def skip(self, packets: int) -> None:
        """Let time pass without packets, after the clock was held up."""
        self._cut()
        self._header["timestamp"][: len(self._members)] += packets * self.packet

    def _lay_out(self, count: int) -> list[list[bytes]]:
        """Return the packets of some packet times, at most up to the end of the first sound that ends."""
        ahead = min(_AHEAD, _LAID_OUT // count, int(self._left[:count].min()))
        step = np.arange(max(ahead, 1))[:, None]
        packets = np.empty((len(step), count, rtp.HEADER + self.packet), np.uint8)
        position = self._position[:count] + step * self._step[:count]
        packets[:, :, rtp.HEADER :] = self._bank.windows(self.packet)[position]
        header, heads = self._header[:count], packets[:, :, : rtp.HEADER].view(_HEADER)[:, :, 0]
        heads[:] = header
        if self._marked:
            heads["kind"][1:] &= _UNMARKED
        heads["sequence"] = header["sequence"] + step
        heads["timestamp"] = header["timestamp"] + step * self.packet
        laid: list[list[bytes]] = packets.view(f"V{packets.shape[2]}")[:, :, 0].tolist()
        return laid

    def _send(self, packets: list[bytes]) -> None:
        failed = 0
        for outlet, packet in zip(self._outlets, packets, strict=True):
            try:
                outlet(packet)
            except OSError:
                failed += 1
        self.failed += failed

    def _cut(self) -> None:
        """Advance all rows by the packets that are sent and forget those that are not."""
        gone, count = self._gone, len(self._members)
        self._gone, self._laid = 0, []
        if not gone:
            return
        header = self._header[:count]
        if self._marked:
            header["kind"] &= _UNMARKED
            self._marked = False
        header["sequence"] += gone
        header["timestamp"] += gone * self.packet
        self._position[:count] += gone * self._step[:count]
        self._left[:count] -= gone

    def _tell(self, rows: NDArray[np.intp]) -> None:
        for member in [self._members[row] for row in rows]:
            member.sound_over()

    def _columns(self) -> tuple[NDArray[np.generic], ...]:
        return self._header, self._position, self._step, self._left

    def _allocate(self, capacity: int) -> None:
        self._header = np.zeros(capacity, _HEADER)
        self._position = np.zeros(capacity, np.int64)
        self._step = np.zeros(capacity, np.int64)
        self._left = np.full(capacity, _ENDLESS, np.int64)

    def _enlarge(self) -> None:
        before = self._columns()
        self._allocate(2 * len(self._header))
        for old, new in zip(before, self._columns(), strict=True):
            new[: len(old)] = old
