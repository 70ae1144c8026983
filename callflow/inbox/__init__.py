"""The async inbox: cards are opened, joined, claimed, worked off and closed."""

from callflow.inbox.claim import claim, release, release_stale, take_over
from callflow.inbox.deadlines import Deadlines
from callflow.inbox.faults import (
    CardClosedError,
    CardHeldError,
    CardNotHeldError,
    CardUnknownError,
    InboxError,
)
from callflow.inbox.feed import Feed
from callflow.inbox.opening import Contact, open_card
from callflow.inbox.queue import closed, find, history, later, latest_of, overdue, queue, thread, waiting
from callflow.inbox.work import OUTCOMES, CloseOutcome, attempt, close, note, reopen

__all__ = [
    "OUTCOMES",
    "CardClosedError",
    "CardHeldError",
    "CardNotHeldError",
    "CardUnknownError",
    "CloseOutcome",
    "Contact",
    "Deadlines",
    "Feed",
    "InboxError",
    "attempt",
    "claim",
    "close",
    "closed",
    "find",
    "history",
    "later",
    "latest_of",
    "note",
    "open_card",
    "overdue",
    "queue",
    "release",
    "release_stale",
    "reopen",
    "take_over",
    "thread",
    "waiting",
]
