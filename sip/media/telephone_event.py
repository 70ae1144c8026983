"""Keys as telephone-events (RFC 4733): a receiver that forgives losses, and a sender.

A key is one *event*, all of whose packets carry the timestamp of its beginning. So the receiver counts a key
on the first packet of a timestamp that it has not met, whichever packet that is: a lost start, a lost or
repeated end and a growing duration need no state of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sip.media import rtp

KEYS: Final = "0123456789*#ABCD"  # event codes 0..15 (RFC 4733, section 3.2)

_PAYLOAD: Final = struct.Struct(">BBH")
_END: Final = 0x80
_LONGEST: Final = 0xFFFF  # a longer event goes on as a new segment (section 2.5.1.3)
_VOLUME: Final = 10  # dBm0 below zero, as we send
_SAME_PRESS_S: Final = 0.04  # no human presses a key again so soon after its beginning
_END_REPEATS: Final = 3  # section 2.5.1.4


@dataclass(frozen=True, slots=True)
class Event:
    """One telephone-event payload; `duration` in units of the event clock."""

    code: int
    duration: int
    end: bool = False
    volume: int = _VOLUME


def parse(payload: bytes) -> list[Event]:
    """Return the events of a payload (several may share one, RFC 4733 section 2.5.1.5); [] if it is none."""
    if not payload or len(payload) % _PAYLOAD.size:
        return []
    return [_event(*fields) for fields in _PAYLOAD.iter_unpack(payload)]


def _event(code: int, flags: int, duration: int) -> Event:
    return Event(code, duration, bool(flags & _END), flags & 0x3F)


def build(event: Event) -> bytes:
    """Return the payload of an event."""
    return _PAYLOAD.pack(event.code, (_END if event.end else 0) | event.volume, event.duration)


class Receiver:
    """Turns telephone-event packets into keys, one per press.

    Args:
        clock: rate of the event clock in Hz, as in the rtpmap.
    """

    def __init__(self, clock: int = 8000) -> None:
        self.clock = clock
        self._same_press = int(clock * _SAME_PRESS_S)
        self._last: tuple[int, Event] | None = None

    def receive(self, timestamp: int, payload: bytes) -> str:
        """Return the keys that this packet tells for the first time, mostly none or one."""
        keys = ""
        for event in parse(payload):
            keys += self._one(timestamp, event)
            timestamp = (timestamp + event.duration) & 0xFFFF_FFFF
        return keys

    def reset(self) -> None:
        """Forget the past: the sender began a new timeline (SSRC change)."""
        self._last = None

    def _one(self, timestamp: int, event: Event) -> str:
        if self._last is None:
            return self._begin(timestamp, event)
        began, last = self._last
        later = rtp.timestamp_after(timestamp, began)
        if later < 0:
            return ""  # overtaken on the way: that key is told already, or its moment is over
        if later == 0 or self._goes_on(later, last, event):
            self._last = (timestamp, self._grown(last, event) if later == 0 else event)
            return ""
        return self._begin(timestamp, event)

    def _begin(self, timestamp: int, event: Event) -> str:
        self._last = (timestamp, event)
        return KEYS[event.code] if event.code < len(KEYS) else ""

    def _goes_on(self, later: int, last: Event, event: Event) -> bool:
        if event.code != last.code:
            return False
        # Some senders let the timestamp run along with every packet of one press.
        return later < self._same_press or (not last.end and later == _LONGEST)

    @staticmethod
    def _grown(last: Event, event: Event) -> Event:
        ended = last.end or event.end
        return Event(last.code, max(last.duration, event.duration), ended, event.volume)


def press(key: str, tone: int, step: int) -> Iterator[tuple[bytes, bool]]:
    """Yield (payload, marker) of every packet of one key press, one packet per packet time.

    Args:
        key: one of `KEYS`.
        tone: how long the key is down, in units of the event clock.
        step: packet time in the same unit.

    Raises:
        ValueError: no such key.
    """
    code = KEYS.index(key)
    growing = [Event(code, duration) for duration in range(step, tone, step)]
    ends = [Event(code, min(tone, _LONGEST), end=True)] * _END_REPEATS
    for index, event in enumerate(growing + ends):
        yield build(event), index == 0
