"""What to do after a try: a pure policy whose truth table is its test."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Result = Literal["sent", "found", "refused", "broken", "transient", "ambiguous", "absent", "cannot_ask"]
Step = Literal["sent", "failed", "unknown", "retry", "switch", "ask"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the outbox is.

    Args:
        pauses: wait before the second, third, ... round over all transports; then it has failed.
        asks: wait before the first, second, ... question after an ambiguous answer; then it is unknown.
        lease: how long a worker may hold an intent.
    """

    pauses: tuple[timedelta, ...] = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5))
    asks: tuple[timedelta, ...] = (timedelta(seconds=2), timedelta(seconds=15), timedelta(seconds=60))
    lease: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an intent stands after a try.

    Args:
        rounds: rounds over all transports so far, this one included.
        asks: questions to the provider so far.
        untried: transports not yet tried in this round.
        expires: no use sending after this; None for no limit.
    """

    rounds: int
    asks: int
    untried: int
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The next step and when it is taken."""

    step: Step
    at: datetime


def decide(policy: Policy, result: Result, standing: Standing, *, now: datetime) -> Decision:
    """Return what follows from `result`.

    Nothing that may have been sent is ever sent again: after "ambiguous" come only questions, and their end
    is "sent" or "unknown".
    """
    if result in ("sent", "found"):
        return Decision("sent", now)
    if result == "refused":
        return Decision("failed", now)
    if result in ("ambiguous", "absent", "cannot_ask"):
        return _ask(policy, standing, now)
    if standing.untried:
        return Decision("switch", now)
    return _retry(policy, standing, now)


def next_transport(order: Sequence[str], tried: Collection[str]) -> str | None:
    """Return the first transport of the order that was not tried in this round."""
    return next((name for name in order if name not in tried), None)


def _ask(policy: Policy, standing: Standing, now: datetime) -> Decision:
    if standing.asks >= len(policy.asks):
        return Decision("unknown", now)
    return Decision("ask", now + policy.asks[standing.asks])


def _retry(policy: Policy, standing: Standing, now: datetime) -> Decision:
    if standing.rounds > len(policy.pauses):
        return Decision("failed", now)
    at = now + policy.pauses[standing.rounds - 1]
    if standing.expires is not None and at >= standing.expires:
        return Decision("failed", now)
    return Decision("retry", at)
