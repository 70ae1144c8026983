"""What a generic gateway says about a message, in its reports and when it is asked: by words and places.

Words after the documentation of common gateways (GatewayAPI, seven); the practice's settings add their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from callflow.outbox.delivery import Report
from callflow.outbox.transport import Delivery

WORDS: Final[Mapping[str, Delivery]] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "buffered": "sent",
    "enroute": "sent",
    "sent": "sent",
    "transmitted": "sent",
    "delivered": "delivered",
    "notdelivered": "undelivered",
    "undelivered": "undelivered",
    "undeliverable": "undelivered",
    "expired": "undelivered",
    "rejected": "failed",
    "deleted": "failed",
    "skipped": "failed",
    "failed": "failed",
}
"""Usual words for a message's state, in small letters without "-" and "_"."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a report holds what, as dotted paths ("data.msg_id"), and the gateway's own words.

    Args:
        status: the word for the message's state.
        id: the gateway's id of the message, "" if it is not told.
        reference: our `{id}`, which the sending request carried; "" if it is not told.
        error: the gateway's code for a failure.
        words: further words for states; they come before the usual ones.
    """

    status: str = "status"
    id: str = "id"
    reference: str = ""
    error: str = ""
    words: Mapping[str, Delivery] = field(default_factory=dict)

    def read(self, content: object) -> Iterator[Report]:
        """Give the reports in a JSON content (one, or a list of them); what tells nothing is left out."""
        for each in content if isinstance(content, list) else [content]:
            delivery, error = self.state(each)
            ours, theirs = place(each, self.reference), place(each, self.id)
            if delivery and (ours or theirs):
                yield Report(theirs, delivery, error, ours)

    def state(self, content: object) -> tuple[Delivery, str]:
        """Return how far the message is, "" if nobody knows, and the gateway's code for a failure."""
        told = _plain(place(content, self.status))
        own = {_plain(word): delivery for word, delivery in self.words.items()}
        return own.get(told) or WORDS.get(told, ""), place(content, self.error)


def place(content: object, path: str) -> str:
    """Return what stands at a dotted path as a text, "" if nothing does."""
    found: Any = content
    try:
        for step in path.split("."):
            found = found[int(step)] if isinstance(found, list) else found[step]
    except (ValueError, LookupError, TypeError):
        return ""
    return str(found) if path and isinstance(found, str | int) else ""


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "").replace(" ", "")
