"""What the line needs of a telephone, whoever does its signalling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from sip.signalling.identity import Identity
from sip.signalling.leg import Dialled, EndedBy
from sip.signalling.offer import Local, Sound
from sip.signalling.transfer import Transferred


class CallLeg(Protocol):
    """One call leg; see `sip.signalling.leg.Leg` for what each name promises."""

    id: str
    dialled: str
    diverted_from: str
    identity: Identity
    line: str
    on_sound: Callable[[Sound], None]
    on_digit: Callable[[str, int], None]
    on_ringing: Callable[[], None]
    on_ended: Callable[[EndedBy], None]

    def answer(self, local: Local) -> None:
        """Take the call."""

    def refuse(self, code: int, retry_after: int = 0) -> None:
        """Refuse the call."""

    def hang_up(self) -> None:
        """End the leg whatever its state."""

    async def refer(self, target: str, timeout_s: float) -> Transferred:
        """Ask the peer to call `target` instead of us."""

    async def answered(self) -> Dialled:
        """Wait for the outcome of a call of ours."""


class Telephone(Protocol):
    """A SIP user agent with any number of legs; see `sip.signalling.phone.Phone`."""

    @property
    def counters(self) -> Counter[str]:
        """Happenings by kind."""

    @property
    def transports(self) -> tuple[str, ...]:
        """What it listens on."""

    async def open(self) -> None:
        """Bind the sockets and start registering."""

    async def close(self, grace_s: float = 0.0) -> None:
        """Take no new calls, let those that are up finish, close."""

    def address(self, transport: str = "udp") -> tuple[str, int]:
        """Give the host and port really bound."""

    def call(
        self, target: str, local: Local, *, line: str = "", caller: str = "", withheld: bool = False
    ) -> CallLeg:
        """Call out."""
