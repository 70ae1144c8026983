"""What the line does with a call when the app is away: announce, pass on, apologise."""

from __future__ import annotations

from callflow.effects import Clip, HangUp, LineEffect, Transfer
from callflow.events import Event, HungUp, TransferAnswered, TransferFailed
from callflow.spool import SpooledOutcome
from sip.line_config import DESTINATION_LIMIT_MS, Did


def take_over(did: Did) -> LineEffect:
    """Return the first effect: the fallback announcement, then the practice number's destination."""
    return Transfer((Clip(did.fallback),), did.destination, DESTINATION_LIMIT_MS)


def go_on(did: Did) -> LineEffect:
    """Return the effect after a destination that did not take the call: an apology, then the end."""
    return HangUp((Clip(did.sorry),))


def outcome(told: list[Event]) -> SpooledOutcome:
    """Say how a call ended whose end the app did not learn, from everything that was told in it."""
    if any(isinstance(event, TransferAnswered) for event in told):
        return "transferred"
    if any(isinstance(event, TransferFailed) for event in told):
        return "not_reached"
    if HungUp("us") in told:
        return "completed"
    return "hung_up"
