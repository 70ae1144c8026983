"""How good the sound of ended calls was: per call for its record, summed up for the metrics."""

from __future__ import annotations

from collections import Counter

from callflow.events import SoundQuality
from sip.media.engine import StreamStats

# With G.711 loss is heard above 1 %, and words are lost above 5 % (ITU-T G.113 app. I).
_LOSSES = {"calls_loss_over_1_percent": 0.01, "calls_loss_over_5_percent": 0.05}
_JITTER_MS = 30.0


def of(stats: StreamStats) -> SoundQuality:
    """Give what a call's record keeps of its sound."""
    return SoundQuality(
        loss=round(stats.loss, 4),
        jitter_ms=round(stats.jitter_ms, 1),
        remote_loss=None if stats.remote_loss is None else round(stats.remote_loss, 4),
        round_trip_ms=None if stats.round_trip_ms is None else round(stats.round_trip_ms, 1),
    )


def count(totals: Counter[str], stats: StreamStats) -> None:
    """Add an ended call to the line's totals."""
    totals["rtp_sent"] += stats.sent
    totals["rtp_received"] += stats.received
    totals["rtp_foreign"] += stats.foreign
    totals["rtp_malformed"] += stats.malformed
    totals["keys"] += stats.keys
    for name, limit in _LOSSES.items():
        totals[name] += stats.loss > limit
    totals["calls_jitter_over_30_ms"] += stats.jitter_ms > _JITTER_MS
