"""A bridge: the destination is called by us and both sounds are joined in the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache

import numpy as np

from callflow.g711 import RATE, SILENCE, to_alaw
from sip.line_config import Destination
from sip.media.engine import Stream
from sip.parts import Parts, connect
from sip.signalling.leg import Dialled, EndedBy
from sip.signalling.offer import Sound
from sip.telephone import CallLeg

RINGBACK_HZ = 425  # ITU-T E.180, Germany: 425 Hz, 1 s on, 4 s off
RINGBACK_PEAK = 3000  # about -24 dBFS


class Bridge:
    """One attempt to reach a destination and, once it answered, the joined call.

    Args:
        parts: the line.
        caller_stream: the caller's sound.
        on_ended: called once when the destination hangs up an answered call.
    """

    def __init__(self, parts: Parts, caller_stream: Stream, on_ended: Callable[[], None]) -> None:
        self._parts = parts
        self._caller = caller_stream
        self._on_ended = on_ended
        self._stream = parts.engine.open()
        self._leg: CallLeg | None = None
        self._rings = False
        self._joined = False
        self._answered = False

    async def dial(self, destination: Destination, caller: str, ring_s: float) -> Dialled:
        """Call the destination; the caller hears it ring, or what it says before it answers (RFC 3960).

        Args:
            destination: whom to call.
            caller: user part shown to it, "" of a caller who is not to be known.
            ring_s: seconds before "no_answer".
        """
        local = self._parts.local(self._stream, destination.line)
        leg = self._leg = self._parts.phone.call(
            destination.uri, local, line=destination.line, caller=caller, withheld=not caller
        )
        leg.on_sound, leg.on_ringing, leg.on_ended = self._sound, self._ringing, self._ended
        try:
            async with asyncio.timeout(ring_s):
                outcome = await leg.answered()
        except TimeoutError:
            outcome = "no_answer"
        self._answered = outcome == "answered"
        if not self._answered:
            self.close()
        elif self._leg is not leg:  # it hung up before we came to know that it had answered
            asyncio.get_running_loop().call_soon(self._over)
        else:
            self._join()
        return outcome

    def close(self) -> None:
        """End the destination's leg and give its sound back. Harmless when repeated."""
        self._caller.stop_playing()
        self._caller.relay_to(None)
        self._stream.close()
        if self._leg is not None:
            leg, self._leg = self._leg, None
            leg.hang_up()

    def _sound(self, sound: Sound) -> None:
        connect(self._stream, sound)
        # Some that describe their sound early send none before they answer: until it comes we ring ourselves.
        self._stream.on_heard = self._join

    def _join(self) -> None:
        if self._joined or self._leg is None:
            return
        self._joined = True
        self._caller.stop_playing()
        self._caller.relay_to(self._stream)

    def _ringing(self) -> None:
        if not self._rings:
            self._rings = True
            self._ring()

    def _ring(self) -> None:
        if not self._joined:
            self._caller.play([ringback()], self._ring)

    def _ended(self, _by: EndedBy) -> None:
        self._leg = None
        self.close()
        self._over()

    def _over(self) -> None:
        if self._answered:
            self._answered = False
            self._on_ended()


@cache
def ringback() -> bytes:
    """Return five seconds of the German ringing tone as A-law."""
    seconds = np.arange(RATE) / RATE
    tone = RINGBACK_PEAK * np.sin(2 * np.pi * RINGBACK_HZ * seconds)
    return to_alaw(tone.astype(np.int16)) + bytes([SILENCE]) * (4 * RATE)
