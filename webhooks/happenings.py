"""Twilio's requests as events: a pure function of the request's fields and of what was asked.

Fields after Twilio, "TwiML for Programmable Voice": Digits of <Gather>, RecordingSid and RecordingDuration of
<Record>, DialCallStatus of <Dial>, CallStatus of every request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from callflow.effects import Gather, HangUp, LineEffect, Play, Record, Transfer
from callflow.events import (
    DigitsPressed,
    Event,
    HungUp,
    PromptFinished,
    Recorded,
    TimedOut,
    TransferAnswered,
    TransferFailed,
    TransferProblem,
)

Fields = Mapping[str, str]
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
_PROBLEMS: dict[str, TransferProblem] = {"busy": "busy", "no-answer": "no_answer", "canceled": "no_answer"}


def answer(asked: LineEffect, fields: Fields) -> Event:
    """Return the event that answers `asked`, out of the fields of Twilio's next request."""
    match asked:
        case Play():
            return _played(asked, fields)
        case Gather():
            return _gathered(asked, fields.get("Digits", ""))
        case Record():
            return _recorded(fields)
        case Transfer():
            return _transferred(fields)
        case HangUp():
            return HungUp("us")
        case _:
            assert_never(asked)


def over(fields: Fields) -> bool:
    """Say whether the call has ended."""
    return fields.get("CallStatus", "") in OVER


def _played(asked: Play, fields: Fields) -> Event:
    digits = fields.get("Digits", "")
    return DigitsPressed(digits) if digits and digits in asked.keys else PromptFinished()


def _gathered(asked: Gather, digits: str) -> Event:
    keys = "".join(key for key in digits if key in "0123456789*#ABCD")[: asked.digits]
    return DigitsPressed(keys) if keys else TimedOut()


def _recorded(fields: Fields) -> Event:
    seconds = fields.get("RecordingDuration", "0")
    return Recorded(fields.get("RecordingSid", ""), int(seconds) * 1000 if seconds.isdecimal() else 0)


def _transferred(fields: Fields) -> Event:
    status = fields.get("DialCallStatus", "failed")
    if status in {"completed", "answered"}:
        return TransferAnswered()
    return TransferFailed(_PROBLEMS.get(status, "failed"))
