"""How a call over Asterisk sounded: what its RTP engine wrote on the channel before it went. Pure.

RTPAUDIOQOS is set when a PJSIP channel hangs up; `channelvars` in the rendered manager.conf brings it with
the Hangup event. (Seen with Asterisk 22.10: `ssrc=..;themssrc=..;lp=..;rxjitter=..;rxcount=..;txjitter=..;
txcount=..;rlp=..;rtt=..`, times in seconds; `lp` is what we did not get, `rlp` what the other side reported.)
"""

from __future__ import annotations

import math

from callflow.quality import SoundQuality
from sip.ami import Message

VARIABLE = "RTPAUDIOQOS"


def sound_of(event: Message) -> SoundQuality:
    """Return how the call of a Hangup event sounded; nothing is known when Asterisk does not tell."""
    for told in event.all("ChanVariable"):
        name, _, value = told.partition("=")
        if name.rpartition(")")[2] == VARIABLE:
            return _sound(_figures(value))
    return SoundQuality()


def _sound(told: dict[str, float]) -> SoundQuality:
    came, lost = told.get("rxcount", 0.0), told.get("lp", 0.0)
    went, missed, trip = told.get("txcount", 0.0), told.get("rlp", 0.0), told.get("rtt", 0.0)
    reported = trip > 0 or missed > 0  # without a report of the other side both stay at their beginning
    return SoundQuality(
        loss=round(lost / (came + lost), 4) if came else None,
        jitter_ms=round(1000 * told.get("rxjitter", 0.0), 1) if came else None,
        remote_loss=round(min(1.0, missed / went), 4) if reported and went else None,
        round_trip_ms=round(1000 * trip, 1) if trip > 0 else None,
    )


def _figures(value: str) -> dict[str, float]:
    pairs = (part.partition("=") for part in value.split(";"))
    return {name: figure for name, _, text in pairs if (figure := _figure(text)) is not None}


def _figure(text: str) -> float | None:
    try:
        figure = float(text)
    except ValueError:
        return None
    return figure if math.isfinite(figure) and figure >= 0 else None
