"""A voice whose packets can be looked at: the sending half of a stream on a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable

from sip.media import rtp
from sip.media.clock import SUBTICK_MS, Wheel
from sip.media.rows import Start
from sip.media.sounds import SoundBank
from sip.media.voice import Voice


class Studio:
    """One wheel and the voices on it.

    Attributes:
        done: what callbacks left, in order.
    """

    def __init__(self) -> None:
        self.bank = SoundBank()
        self.wheel = Wheel(self.bank)
        self.subtick = 0
        self.done: list[str] = []

    def voice(self, sequence: int = 0, timestamp: int = 0) -> Spoken:
        return Spoken(self, Start(0x1234, sequence, timestamp, rtp.PCMA))

    def run(self, ms: int) -> None:
        for _ in range(ms // SUBTICK_MS):
            self.wheel.turn(self.subtick)
            self.subtick += 1

    def say(self, word: str) -> Callable[[], None]:
        return lambda: self.done.append(word)


class Spoken:
    """A voice and the packets that it sent, with the moment of each in milliseconds."""

    def __init__(self, studio: Studio, start: Start) -> None:
        self._studio = studio
        self.voice = Voice(studio.wheel, studio.bank, start, lambda function: function())
        self.sent: list[tuple[int, rtp.Packet]] = []

    def join(self, ptime_ms: int = 20, payload_type: int = rtp.PCMA, event_type: int | None = 101) -> None:
        self.voice.join(ptime_ms, payload_type, event_type, self._keep)

    def _keep(self, packet: bytes) -> None:
        self.sent.append((self._studio.subtick * SUBTICK_MS, rtp.parse(packet)))

    @property
    def packets(self) -> list[rtp.Packet]:
        return [packet for _, packet in self.sent]

    @property
    def sound(self) -> bytes:
        return b"".join(packet.payload for packet in self.packets)
