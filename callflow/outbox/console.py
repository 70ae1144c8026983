"""Text messages without a provider: shown on the console and on the demo page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from callflow.outbox.transport import Parcel, Receipt

NAME = "console"


class Console:
    """Shows a message instead of sending it; its text stays in the outbox for the demo page.

    Args:
        show: is given the message's number and text.
    """

    name = NAME

    def __init__(self, show: Callable[[str, str], None]) -> None:
        self._show = show

    async def send(self, parcel: Parcel) -> Receipt:
        """Show the message."""
        self._show(parcel.target, parcel.text)
        return Receipt(parcel.id, "delivered")

    async def ask(self, parcel: Parcel, since: datetime) -> Receipt | None:
        """Find it: what was to be shown is on the demo page in any case."""
        del since
        return Receipt(parcel.id, "delivered")

    async def follow_up(self, provider_id: str) -> Receipt | None:
        """Nothing to follow."""
        del provider_id
        return None
