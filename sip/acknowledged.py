"""Repeating a 2xx to INVITE until its ACK comes (RFC 3261 13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable

from sip.core import Core
from sip.exchange import Answering, Timer
from sip.message import Response

_LONGEST = 8  # T2 is eight times T1


class Acknowledged:
    """One 2xx on its way.

    Args:
        core: the telephone.
        exchange: the INVITE's transaction; it sends each copy.
        answer: the 2xx.
        on_silence: called when no ACK came within 64*T1.
    """

    def __init__(
        self, core: Core, exchange: Answering, answer: Response, on_silence: Callable[[], None]
    ) -> None:
        self.seq = exchange.request.cseq.number
        self.done = False
        self._core = core
        self._exchange = exchange
        self._answer = answer
        self._on_silence = on_silence
        self._gap = core.settings.t1_s
        self._spent = 0.0
        self._timer: Timer = core.clock.call_later(self._gap, self._again)

    def _again(self) -> None:
        t1 = self._core.settings.t1_s
        self._spent += self._gap
        if self._spent >= 64 * t1:
            self.done = True
            self._on_silence()
            return
        self._exchange.send(self._answer)
        self._gap = min(self._gap * 2, _LONGEST * t1, 64 * t1 - self._spent)
        self._timer = self._core.clock.call_later(self._gap, self._again)

    def stop(self) -> None:
        """The ACK is here, or nobody waits for it any more."""
        self.done = True
        self._timer.cancel()
