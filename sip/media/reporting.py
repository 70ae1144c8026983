"""When RTCP reports are due, what they say, and what the peer's reports tell us (RFC 3550, section 6)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from sip.media import rtcp
from sip.media.reception import Reception

_INTERVAL_S: Final = 5.0  # section 6.2, the minimum that two participants always come down to
_LONGEST_TRIP: Final = 10 * 65536  # beyond ten seconds the peer's figures are wrong, not its network
_NTP_EPOCH: Final = 2_208_988_800  # seconds from 1900 to 1970


@dataclass(frozen=True, slots=True)
class Spoken:
    """What we have sent so far, and the RTP timestamp of this moment."""

    packets: int
    octets: int
    timestamp: int


class Reporting:
    """One stream's reports.

    Args:
        ssrc: our SSRC.
        chance: spreads the reports of many calls over time.
    """

    def __init__(self, ssrc: int, chance: random.Random) -> None:
        self.remote_loss: float | None = None
        self.round_trip_ms: float | None = None
        self._ssrc, self._chance = ssrc, chance
        self._cname = f"{chance.getrandbits(96):024x}"  # RFC 7022, section 4.2: says nothing about us
        self._due: float | None = None
        self._heard: tuple[int, int] | None = None  # the peer's last sender report: middle of its time, ours
        self._reported = (0, 0)  # packets expected and lost at our last report

    def due(self, now: float) -> bool:
        """Return whether a report should leave; asks the next one for some seconds later."""
        due = self._due is not None and now >= self._due
        if due or self._due is None:
            self._due = now + _INTERVAL_S * (0.5 + self._chance.random())
        return due

    def report(self, spoken: Spoken, reception: Reception, wall: float) -> bytes:
        """Return the report to send at `wall` (Unix seconds)."""
        return rtcp.build_report(self._report(spoken, reception, wall), self._cname)

    def goodbye(self, spoken: Spoken, reception: Reception, wall: float) -> bytes:
        """Return the last report with its BYE."""
        return rtcp.build_bye(self._report(spoken, reception, wall), self._cname)

    def take(self, report: rtcp.Report, wall: float, sent: int) -> None:
        """Learn from a report of the peer that came at `wall` (Unix seconds) after `sent` packets of ours."""
        now = _middle(wall)
        if report.sender:
            self._heard = (report.sender.ntp >> 16 & 0xFFFF_FFFF, now)
        for block in report.blocks:
            if block.ssrc == self._ssrc:
                self._learn(block, now, sent)

    def _learn(self, block: rtcp.Block, now: int, sent: int) -> None:
        # The fraction in the block is that of the last seconds; a call's record wants the whole call.
        self.remote_loss = min(1.0, max(0, block.lost) / max(1, sent))
        trip = (now - block.last_report - block.delay) & 0xFFFF_FFFF
        if block.last_report and trip < _LONGEST_TRIP:
            self.round_trip_ms = trip / 65.536

    def _report(self, spoken: Spoken, reception: Reception, wall: float) -> rtcp.Report:
        sender = None
        if spoken.packets:
            ntp = int((wall + _NTP_EPOCH) * 2**32)
            octets = spoken.octets & 0xFFFF_FFFF
            sender = rtcp.Sender(ntp, spoken.timestamp, spoken.packets & 0xFFFF_FFFF, octets)
        return rtcp.Report(self._ssrc, sender, self._blocks(reception, _middle(wall)))

    def _blocks(self, reception: Reception, now: int) -> tuple[rtcp.Block, ...]:
        if reception.ssrc is None:
            return ()
        before, self._reported = self._reported, (reception.expected, reception.lost)
        expected, lost = reception.expected - before[0], reception.lost - before[1]
        heard, when = self._heard or (0, now)
        block = rtcp.Block(
            reception.ssrc,
            fraction=min(255, max(0, 256 * lost // expected)) if expected else 0,
            lost=reception.lost,
            highest=reception.highest & 0xFFFF_FFFF,
            jitter=int(reception.jitter),
            last_report=heard,
            delay=(now - when) & 0xFFFF_FFFF,
        )
        return (block,)


def _middle(wall: float) -> int:
    """Return the middle 32 bits of an NTP time: units of 1/65536 s."""
    return int((wall + _NTP_EPOCH) * 65536) & 0xFFFF_FFFF
