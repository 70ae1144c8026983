"""The async inbox: cards are opened, joined, claimed, worked off and closed."""

from callflow.inbox.claim import claim, claim_next, release, release_stale, take_over
from callflow.inbox.deadlines import Deadlines
from callflow.inbox.dials import Dial, dialled, dialling
from callflow.inbox.dials import outcome as dial_outcome
from callflow.inbox.dials import unfinished as unfinished_dials
from callflow.inbox.faults import (
    CardClosedError,
    CardHeldError,
    CardNotDiallableError,
    CardNotHeldError,
    CardRingingError,
    CardUnknownError,
    InboxError,
)
from callflow.inbox.feed import Feed
from callflow.inbox.feed import latest as latest_change
from callflow.inbox.opening import Contact, open_card
from callflow.inbox.queue import (
    closed,
    find,
    history,
    later,
    latest_of,
    of_number,
    overdue,
    queue,
    thread,
    waiting,
)
from callflow.inbox.work import OUTCOMES, CloseOutcome, attempt, close, note, reopen

__all__ = [
    "OUTCOMES",
    "CardClosedError",
    "CardHeldError",
    "CardNotDiallableError",
    "CardNotHeldError",
    "CardRingingError",
    "CardUnknownError",
    "CloseOutcome",
    "Contact",
    "Deadlines",
    "Dial",
    "Feed",
    "InboxError",
    "attempt",
    "claim",
    "claim_next",
    "close",
    "closed",
    "dial_outcome",
    "dialled",
    "dialling",
    "find",
    "history",
    "later",
    "latest_change",
    "latest_of",
    "note",
    "of_number",
    "open_card",
    "overdue",
    "queue",
    "release",
    "release_stale",
    "reopen",
    "take_over",
    "thread",
    "unfinished_dials",
    "waiting",
]
