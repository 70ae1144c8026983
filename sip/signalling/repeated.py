"""Repeating a response until the peer confirms it: a 2xx by ACK, a reliable 1xx by PRACK.

RFC 3261 13.3.1.4 and RFC 3262 3.
"""

from __future__ import annotations

from collections.abc import Callable

from sip.signalling.core import Core
from sip.signalling.exchange import Answering
from sip.signalling.message import Answer
from sip.signalling.timers import Timer

TWICE_UP_TO_T2 = 8  # T2 in multiples of T1
TWICE_FOR_EVER = 64
_GIVEN_UP = 64


class Repeated:
    """One response on its way.

    Args:
        core: the telephone.
        exchange: the INVITE's transaction; it sends each copy.
        answer: the response.
        on_silence: called when nothing confirmed it within 64*T1.
        longest: longest gap between copies, in multiples of T1.

    Attributes:
        exchange: as given.
        seq: number of the INVITE, which the ACK shows, too.
    """

    def __init__(
        self,
        core: Core,
        exchange: Answering,
        answer: Answer,
        on_silence: Callable[[], None],
        longest: int = TWICE_UP_TO_T2,
    ) -> None:
        self.seq = exchange.request.cseq.number
        self._core = core
        self.exchange = exchange
        self._answer = answer
        self._on_silence = on_silence
        self._t1_s = core.settings.t1_s
        self._longest_s = longest * self._t1_s
        self._gap_s = self._t1_s
        self._spent_s = 0.0
        self._timer: Timer = core.clock.call_later(self._gap_s, self._again)

    def _again(self) -> None:
        self._spent_s += self._gap_s
        left_s = _GIVEN_UP * self._t1_s - self._spent_s
        if left_s <= 0:
            self._on_silence()
            return
        self.exchange.send(self._answer)
        self._gap_s = min(self._gap_s * 2, self._longest_s, left_s)
        self._timer = self._core.clock.call_later(self._gap_s, self._again)

    def stop(self) -> None:
        """It is confirmed, or nobody waits for that any more."""
        self._timer.cancel()
