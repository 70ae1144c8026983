"""The sending half of a stream: what it says, packet by packet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final

from callflow import g711
from sip.media import rtp, telephone_event
from sip.media.clock import SUBTICK_MS, Wheel
from sip.media.rows import Outlet, Rows, Start
from sip.media.sounds import BankClip, SoundBank

Done = Callable[[], None]
Defer = Callable[[Done], object]
Listen = Callable[[int], bytes]

PAUSE: Final = ","

_BYTES_PER_MS: Final = g711.RATE // 1000
_PAUSE_MS: Final = 1000
_Press = tuple[bytes, bool] | None  # payload and marker of an event packet, None for a packet of voice


class Voice:
    """Sends one stream's packets: silence, clips, another stream's sound, keys.

    Args:
        wheel: whose rows it joins.
        bank: where its clips lie while they are played.
        start: the RTP timeline's beginning.
        defer: calls a function soon, but not now (`loop.call_soon`).
    """

    def __init__(self, wheel: Wheel, bank: SoundBank, start: Start, defer: Defer) -> None:
        self.row = -1
        self.relay: Listen | None = None
        self._wheel, self._bank, self._defer = wheel, bank, defer
        self._rows: Rows | None = None
        self._start, self._left_at = start, wheel.subtick
        self._sent = self._joined = 0
        self._event_type = -1
        self._ulaw = False
        self._transport: Outlet = len
        self._clips: deque[bytes] = deque()
        self._clip: BankClip | None = None
        self._offset = 0
        self._on_played: Done | None = None
        self._keys: Iterator[_Press] | None = None
        self._key_began: int | None = None
        self._on_pressed: list[Done] = []

    @property
    def sent(self) -> int:
        """Packets sent so far."""
        return self._sent + (self._rows.ticks - self._joined if self._rows else 0)

    @property
    def ssrc(self) -> int:
        """Our SSRC."""
        return self._start.ssrc

    @property
    def timestamp(self) -> int:
        """Timestamp of the next packet."""
        return self._rows.timeline(self.row).timestamp if self._rows else self._start.timestamp

    def join(
        self,
        ptime_ms: int,
        payload_type: int,
        event_type: int | None,
        transport: Outlet,
        law: int | None = None,
    ) -> None:
        """Begin to send, or go on in another manner, with the next packet.

        Args:
            ptime_ms: one of `sip.media.clock.PACKET_TIMES_MS`.
            payload_type: the number that voice is sent under.
            event_type: payload type of telephone-events, None to press keys as tones.
            transport: takes the finished packets.
            law: what voice is, `rtp.PCMA` or `rtp.PCMU`; None for what the number means by itself.
        """
        self.leave()
        rows = self._wheel.rows(ptime_ms)
        pause = (self._wheel.subtick - self._left_at) * SUBTICK_MS * _BYTES_PER_MS
        timestamp = (self._start.timestamp + pause) & 0xFFFF_FFFF
        self._start = Start(self._start.ssrc, self._start.sequence, timestamp, payload_type)
        self._ulaw = (payload_type if law is None else law) == rtp.PCMU
        self._event_type = -1 if event_type is None else event_type
        self._transport = transport
        rows.add(self, self._start, transport, self._silence)
        self._rows, self._joined = rows, rows.ticks
        self._choose_outlet()
        self._resume()

    def leave(self) -> None:
        """Send nothing any more; what was playing goes on at the next `join`."""
        if self._rows is None:
            return
        if self._clip:
            self._offset = self._rows.position(self.row) - self._clip.start
            self._drop_clip()
        self._sent, self._left_at = self.sent, self._wheel.subtick
        self._start = self._rows.timeline(self.row)
        self._rows.remove(self.row)
        self._rows, self.row = None, -1

    def send_through(self, transport: Outlet) -> None:
        """Let the packets out elsewhere."""
        self._transport = transport
        self._choose_outlet()

    def relay_from(self, listen: Listen | None) -> None:
        """Send what `listen(size)` gives (A-law) instead of clips; None for clips again."""
        self.relay = listen
        self._choose_outlet()

    def play(self, clips: Sequence[bytes], on_finished: Done | None) -> None:
        """Play A-law clips instead of whatever was playing."""
        self.stop()
        self._clips = deque(clip for clip in clips if clip)
        self._on_played = on_finished
        if self._rows and self._clips:
            self._rows.mark(self.row)
        self._resume()

    def stop(self) -> None:
        """Fall silent; nobody is told."""
        self._clips.clear()
        self._on_played = None
        self._drop_clip()
        self._offset = 0
        if self._rows:
            self._rows.quiet(self.row, self._silence)

    def press(self, keys: str, tone_ms: int, gap_ms: int, on_finished: Done | None) -> bool:
        """Press keys as telephone-events, after those being pressed; return whether the peer knows them."""
        if self._event_type < 0 or self._rows is None:
            return False
        packet = self._rows.packet
        presses = _presses(keys, tone_ms * _BYTES_PER_MS, gap_ms * _BYTES_PER_MS, packet)
        self._keys = chain(self._keys or (), presses)
        self._on_pressed += [on_finished] if on_finished else []
        self._choose_outlet()
        return True

    def sound_over(self) -> None:
        """Go on with the next clip, or tell that the last one is over (called by the rows)."""
        if self._clip:
            self._drop_clip()
            self._clips.popleft()
            self._offset = 0
            self._resume()
        elif self._rows:
            self._rows.quiet(self.row, self._silence)
            self._finish()

    @property
    def _silence(self) -> int:
        return self._bank.silence(ulaw=self._ulaw)

    def _resume(self) -> None:
        """Send the current clip from `_offset` on; without clips, one packet's pause before `_finish`."""
        if self._rows is None:
            return
        if not self._clips:
            self._rows.quiet(self.row, self._silence, *([1] if self._on_played else []))
            return
        self._clip = self._bank.hold(self._clips[0], ulaw=self._ulaw)
        packets = -(-(self._clip.length - self._offset) // self._rows.packet)
        self._rows.sound(self.row, self._clip.start + self._offset, max(packets, 1))

    def _finish(self) -> None:
        done, self._on_played = self._on_played, None
        if done:
            self._defer(done)

    def _drop_clip(self) -> None:
        if self._clip:
            self._bank.release(self._clip)
            self._clip = None

    def _choose_outlet(self) -> None:
        if self._rows is None:
            return
        outlet = self._transport
        if self.relay:
            outlet = self._let_out_relayed
        if self._keys:
            outlet = self._let_out_key
        self._rows.let_out(self.row, outlet)

    def _let_out_relayed(self, packet: bytes) -> None:
        if self.relay:
            alaw = self.relay(len(packet) - rtp.HEADER)
            packet = packet[: rtp.HEADER] + (alaw.translate(g711.A_TO_U) if self._ulaw else alaw)
        self._transport(packet)

    def _let_out_key(self, packet: bytes) -> None:
        press = next(self._keys, _NO_MORE) if self._keys else _NO_MORE
        if press is _NO_MORE:
            self._end_keys()
        if press is None or press is _NO_MORE:
            self._key_began = None
            (self._let_out_relayed if self.relay else self._transport)(packet)
            return
        voice = rtp.parse(packet)
        if self._key_began is None:
            self._key_began = voice.timestamp
        payload, marker = press
        event = rtp.Packet(
            self._event_type, voice.sequence, self._key_began, voice.ssrc, payload, marker=marker
        )
        self._transport(rtp.build(event))

    def _end_keys(self) -> None:
        self._keys = None
        self._choose_outlet()
        pressed, self._on_pressed = self._on_pressed, []
        for done in pressed:
            self._defer(done)


_NO_MORE: Final[_Press] = (b"", False)


def _presses(keys: str, tone: int, gap: int, packet: int) -> Iterator[_Press]:
    """Yield, for each packet time, the event packet to send or None for voice."""
    for key in keys:
        if key == PAUSE:
            yield from [None] * (_PAUSE_MS * _BYTES_PER_MS // packet)
            continue
        yield from telephone_event.press(key, tone, packet)
        yield from [None] * max(1, gap // packet)
