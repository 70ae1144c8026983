"""How good the sound of ended calls was: per call for its record, summed up for the metrics."""

from __future__ import annotations

from collections import Counter

from callflow.quality import BAD_LOSS, HEARD_LOSS, JITTER_MS, ROUND_TRIP_MS, SoundQuality
from sip.media.engine import StreamStats


def of(stats: StreamStats) -> SoundQuality:
    """Give what a call's record keeps of its sound."""
    heard = stats.received > 0  # of a caller who sent nothing, nothing is known
    return SoundQuality(
        loss=_rounded(stats.loss if heard else None, 4),
        jitter_ms=_rounded(stats.jitter_ms if heard else None, 1),
        remote_loss=_rounded(stats.remote_loss, 4),
        round_trip_ms=_rounded(stats.round_trip_ms, 1),
    )


def count(totals: Counter[str], stats: StreamStats) -> None:
    """Add an ended call to the line's totals."""
    totals["rtp_sent"] += stats.sent
    totals["rtp_received"] += stats.received
    totals["rtp_foreign"] += stats.foreign
    totals["rtp_malformed"] += stats.malformed
    totals["keys"] += stats.keys
    judge(totals, of(stats))


def judge(totals: Counter[str], sound: SoundQuality) -> None:
    """Count a call by the limits that its sound was beyond."""
    loss, remote = sound.loss or 0.0, sound.remote_loss or 0.0
    totals["calls_loss_over_1_percent"] += loss > HEARD_LOSS
    totals["calls_loss_over_5_percent"] += loss > BAD_LOSS
    totals["calls_remote_loss_over_1_percent"] += remote > HEARD_LOSS
    totals["calls_remote_loss_over_5_percent"] += remote > BAD_LOSS
    totals["calls_jitter_over_30_ms"] += (sound.jitter_ms or 0.0) > JITTER_MS
    totals["calls_round_trip_over_300_ms"] += (sound.round_trip_ms or 0.0) > ROUND_TRIP_MS


def _rounded(figure: float | None, digits: int) -> float | None:
    return None if figure is None else round(figure, digits)
