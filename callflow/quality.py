"""How good the sound of a call was, and from where on it counts as bad.

The limits: with G.711 a loss above 1 % is heard and above 5 % words are missing (ITU-T G.113, appendix I); a
jitter above 30 ms is more than telephones like to make up for; when words take more than 150 ms each way,
people begin to talk into each other's (ITU-T G.114).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

HEARD_LOSS: Final = 0.01
BAD_LOSS: Final = 0.05
JITTER_MS: Final = 30.0
ROUND_TRIP_MS: Final = 300.0

Figure = Literal["loss", "remote_loss", "jitter_ms", "round_trip_ms"]
Grade = Literal["unknown", "good", "fair", "bad"]


@dataclass(frozen=True, slots=True)
class SoundQuality:
    """How good a call's sound was; None for what the line does not know.

    Args:
        loss: part of the caller's packets that never came, 0..1.
        jitter_ms: interarrival jitter (RFC 3550, 6.4.1), mean of the call.
        remote_loss: part of our packets that the caller's side reported as lost, 0..1.
        round_trip_ms: from the caller's RTCP reports.
    """

    loss: float | None = None
    jitter_ms: float | None = None
    remote_loss: float | None = None
    round_trip_ms: float | None = None

    @property
    def known(self) -> bool:
        """Say whether there is any figure at all."""
        return self != UNKNOWN

    @property
    def over(self) -> tuple[Figure, ...]:
        """Return the figures that are beyond their limits."""
        limits: dict[Figure, tuple[float | None, float]] = {
            "loss": (self.loss, HEARD_LOSS),
            "remote_loss": (self.remote_loss, HEARD_LOSS),
            "jitter_ms": (self.jitter_ms, JITTER_MS),
            "round_trip_ms": (self.round_trip_ms, ROUND_TRIP_MS),
        }
        return tuple(name for name, (figure, limit) in limits.items() if (figure or 0.0) > limit)

    @property
    def grade(self) -> Grade:
        """Judge the sound: "fair" when something is heard, "bad" when words were missing."""
        if not self.known:
            return "unknown"
        if max(self.loss or 0.0, self.remote_loss or 0.0) > BAD_LOSS:
            return "bad"
        return "fair" if self.over else "good"


UNKNOWN: Final = SoundQuality()
