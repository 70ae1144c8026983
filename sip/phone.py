"""The SIP telephone: joins transports, transactions, dialogs and legs on one asyncio loop."""

from __future__ import annotations

from collections.abc import Callable

from sip.leg import Leg
from sip.offer import Local
from sip.phone_settings import PhoneSettings


class Phone:
    """A SIP user agent with any number of legs.

    Args:
        settings: addresses, accounts, peers and limits.
        on_invite: called with each new incoming leg (100 is already sent) unless limits refused it; it must
            not block and must sooner or later answer, refuse or hang up.
    """

    def __init__(self, settings: PhoneSettings, on_invite: Callable[[Leg], None]) -> None:
        self.settings = settings
        self.on_invite = on_invite
        self.legs: dict[str, Leg] = {}
        self.counters: dict[str, int] = {}

    async def open(self) -> None:
        """Bind the sockets and start registering.

        Raises:
            OSError: an address cannot be bound (its text names the address).
        """
        raise NotImplementedError

    async def close(self, grace_s: float = 0.0) -> None:
        """Take no new calls (503), wait up to `grace_s` for legs to end, hang up the rest, unregister, close."""
        raise NotImplementedError

    def address(self, transport: str = "udp") -> tuple[str, int]:
        """Give the host and port really bound (port 0 in the settings picks a free one)."""
        raise NotImplementedError

    def call(self, target: str, local: Local, *, line: str = "", caller: str = "", name: str = "") -> Leg:
        """Send an INVITE; await `leg.answered()` for its outcome, `leg.hang_up()` cancels.

        Args:
            target: SIP URI, or a number when `line` names an account or peer.
            local: our sound.
            line: account or peer to call through; "" calls the URI directly.
            caller: user part of From; "" takes the account's.
            name: display name of From.
        """
        raise NotImplementedError
