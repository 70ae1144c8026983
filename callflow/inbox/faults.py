"""Why a wish about a card cannot be granted."""

from __future__ import annotations


class InboxError(Exception):
    """The card stays as it is; `card` is its id."""

    def __init__(self, card: str, message: str) -> None:
        super().__init__(message)
        self.card = card


class CardUnknownError(InboxError):
    """There is no such card."""


class CardClosedError(InboxError):
    """The card was closed before."""


class CardHeldError(InboxError):
    """Someone else holds the card; `by` is that user's id."""

    def __init__(self, card: str, by: str) -> None:
        super().__init__(card, f"card {card} is held by user {by}")
        self.by = by


class CardNotHeldError(InboxError):
    """The wish needs the card claimed by the one who asks."""


class CardRingingError(InboxError):
    """A call from this card is still going on."""


class CardNotDiallableError(InboxError):
    """The patient's number, or the telephone of the one who asks, cannot be dialled for them."""
