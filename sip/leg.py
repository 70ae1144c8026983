"""A leg: our side of one call between us and one peer.

Callbacks are plain attributes; set them as soon as you get the leg. They are called from the event loop,
in wire order, and never after `on_ended`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sip.identity import Identity
from sip.offer import Local, Sound

EndedBy = Literal["caller", "us", "error"]
Transferred = Literal["answered", "busy", "no_answer", "refused", "failed", "ended"]
Dialled = Literal["answered", "busy", "no_answer", "refused", "failed", "ended"]


def _nothing(*_: object) -> None:
    """Stand in for a callback nobody asked for."""


class Leg:
    """One call leg, incoming or outgoing.

    Attributes:
        id: random, unique, free of personal data; fit for logs.
        incoming: the peer called us.
        dialled: user part of the called URI (the DID as the trunk writes it); RFC 3261 8.2.2.1.
        diverted_from: user part of the first diverting number (Diversion, History-Info), "" if none.
        identity: who calls, raw (PAI, From or RPID as the trust setting allows).
        line: name of the account or peer that the call came by.
        sound: what both sides agreed on; None before offer and answer met.
        offered: the peer's INVITE carried an offer (False: our 200 carries it, `on_sound` comes with ACK).

    Callbacks:
        on_sound(sound): first agreement, early media and every change by re-INVITE/UPDATE.
        on_confirmed(): the ACK is here (incoming) or was sent (outgoing).
        on_digit(digit, duration_ms): a key told by SIP INFO.
        on_ringing(): outgoing only, 180/183 arrived.
        on_ended(by): the leg is over; "caller" is the peer.
    """

    id: str
    incoming: bool
    dialled: str
    diverted_from: str
    identity: Identity
    line: str
    offered: bool
    sound: Sound | None

    on_sound: Callable[[Sound], None] = _nothing
    on_confirmed: Callable[[], None] = _nothing
    on_digit: Callable[[str, int], None] = _nothing
    on_ringing: Callable[[], None] = _nothing
    on_ended: Callable[[EndedBy], None] = _nothing

    def ring(self) -> None:
        """Send 180 once; without effect after an answer."""
        raise NotImplementedError

    def progress(self, local: Local) -> None:
        """Send 183 with SDP (early media), reliably if the peer requires 100rel (RFC 3262)."""
        raise NotImplementedError

    def answer(self, local: Local) -> None:
        """Send 200 with SDP and repeat it until ACK (RFC 3261 13.3.1.4).

        With an offer in the INVITE `on_sound` is called before this returns, else with the ACK. If no
        codec is common the call is refused with 488 and `on_ended("error")` is called.
        """
        raise NotImplementedError

    def refuse(self, code: int, retry_after: int = 0) -> None:
        """Send a final refusal 3xx-6xx; `retry_after` in seconds, 0 for none."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """End the leg whatever its state: refuse with 480, CANCEL or BYE. `on_ended("us")` follows at once."""
        raise NotImplementedError

    def hold(self, local: Local) -> None:
        """Send a re-INVITE with `local` (its direction holds or resumes the peer, or moves the sound)."""
        raise NotImplementedError

    async def refer(self, target: str, timeout_s: float) -> Transferred:
        """Ask the peer to call `target` (SIP URI or number) instead of us (RFC 3515, blind transfer).

        Waits for the NOTIFY that reports the end. "answered": the destination took the call and our BYE is
        sent (`on_ended("us")` was called). "ended": the caller hung up meanwhile. All others: the caller is
        still with us.

        Args:
            target: SIP URI, or a number that is placed at the peer's own host.
            timeout_s: how long the destination may ring before "no_answer".
        """
        raise NotImplementedError

    async def answered(self) -> Dialled:
        """Outgoing only: wait for the outcome of our INVITE."""
        raise NotImplementedError
