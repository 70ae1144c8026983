"""One press, one key, by whichever of three ways it is told: telephone-event, SIP INFO, or the sound itself.

Phones that tell a key twice (telephone-event and INFO, or a tone beside both) must not press it twice. The
most trustworthy way that a peer has shown counts from then on; what the lesser ways tell is a repetition.
"""

from __future__ import annotations

from typing import Final, Literal

Source = Literal["event", "info", "sound"]

_TRUST: Final = {"sound": 0, "info": 1, "event": 2}
_SAME_PRESS_S: Final = 1.0


class Keys:
    """Decides for one call which tellings of keys count."""

    def __init__(self) -> None:
        self._trust = -1
        self._last = ("", float("-inf"))

    def count(self, key: str, source: Source, now: float) -> bool:
        """Return whether this telling is a new press.

        Args:
            key: one of `telephone_event.KEYS`.
            source: how it was told.
            now: seconds of a monotonic clock.
        """
        trust = _TRUST[source]
        if trust < self._trust:
            return False
        repeats = trust > self._trust and self._last[0] == key and now - self._last[1] < _SAME_PRESS_S
        self._trust = trust
        if not repeats:
            self._last = (key, now)
        return not repeats
