"""How a stream fared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What a stream sent and received; jitter is that of samples where voice is filtered in the kernel.

    Args:
        sent: RTP packets sent.
        received: RTP packets that came, also those that only the kernel saw.
        loss: part of the peer's packets that never came, 0..1.
        jitter_ms: interarrival jitter (RFC 3550, 6.4.1), mean of the call.
        remote_loss: part of our packets that the peer reported as lost so far, 0..1, None without report.
        round_trip_ms: from the peer's RTCP reports, None without report.
        foreign: packets dropped because somebody else sent them.
        malformed: datagrams dropped because they are no RTP.
        keys: keys heard.
    """

    sent: int = 0
    received: int = 0
    loss: float = 0.0
    jitter_ms: float = 0.0
    remote_loss: float | None = None
    round_trip_ms: float | None = None
    foreign: int = 0
    malformed: int = 0
    keys: int = 0
