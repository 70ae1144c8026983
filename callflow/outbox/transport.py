"""What a way of sending must do, and the four ways in which it may fail.

Each failure says what is known: only `TransientError` and `BrokenError` promise that nothing was sent and
that sending may help, so only they are followed by another try.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Delivery = Literal["", "accepted", "sent", "delivered", "undelivered", "failed"]


class SendError(Exception):
    """Sending did not end in a receipt; `code` is the provider's or our own short word for it.

    The message of these exceptions never holds a number or a text: they are logged.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RefusedError(SendError):
    """Not sent, and no way of sending will change that: no mobile, opted out, forbidden country."""


class BrokenError(SendError):
    """Not sent, and this transport will not do it until someone repairs it: wrong password, no credit."""


class TransientError(SendError):
    """Not sent for sure, but worth another try: no connection, too many requests."""


class AmbiguousError(SendError):
    """Perhaps sent: no answer, a broken answer, or an error after the provider took it."""


class CannotAskError(SendError):
    """The provider cannot (or does not now) tell what became of a message."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a transport gets to send.

    Args:
        id: the intent's id; safe to log.
        target: E.164 number, or a URL.
        text: the body.
        reference: a part of the text that no other message holds.
        purpose: the intent's purpose.
        expires: after this time it need not arrive any more; None for no limit.
    """

    id: str
    target: str = field(repr=False)
    text: str = field(repr=False)
    reference: str = field(default="", repr=False)
    purpose: str = ""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider took the message.

    Args:
        provider_id: its id there.
        delivery: how far it is.
        segments, cost_micros: SMS parts and price in millionths of the currency unit, 0 when not told.
        error: the provider's code when the delivery failed.
    """

    provider_id: str
    delivery: Delivery = "accepted"
    segments: int = 0
    cost_micros: int = 0
    error: str = ""


class Transport(Protocol):
    """A way of sending."""

    @property
    def name(self) -> str:
        """Return its name in settings and attempts."""

    async def send(self, parcel: Parcel) -> Receipt:
        """Send once.

        Raises:
            RefusedError, BrokenError, TransientError: nothing was sent.
            AmbiguousError: it may have been sent.
        """

    async def ask(self, parcel: Parcel, since: datetime) -> Receipt | None:
        """Look for a message that may have been sent at or after `since`; None: it is not there.

        Raises:
            CannotAskError: there is no telling.
        """

    async def follow_up(self, provider_id: str) -> Receipt | None:
        """Return how far a message is, or None if this transport never knows.

        Raises:
            CannotAskError: there is no telling now.
        """
