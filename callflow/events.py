"""What the outside tells a call.

An event answers the line effect (or the question) that the engine gave last; only `HungUp` may come at any
time. Events are frozen data with an exact JSON form (`callflow.codec`), so that a call can be recorded,
replayed and moved between processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from callflow.quality import SoundQuality

NumberKind = Literal["mobile", "landline", "foreign", "withheld"]
TransferProblem = Literal["busy", "no_answer", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as far as the network tells.

    Args:
        number: E.164 ("+4917..."), or "" when withheld or unusable.
        kind: what the number is; decides whether an SMS can be offered.
        known: the directory knows this number.
        urgent: the directory marks this person as always urgent.
        repeat: earlier calls of this number within the practice's window (default 24 h).
        language: two-letter code the person prefers, "" when unknown.
    """

    number: str = ""
    kind: NumberKind = "withheld"
    known: bool = False
    urgent: bool = False
    repeat: int = 0
    language: str = ""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call reached us. Lines fill `caller.number` and `dialled` raw; the session normalises both.

    Args:
        dialled: the practice number that was called, E.164 after normalisation.
        caller: the calling party.
        at: aware UTC time of the first ring.
        line: name of the line it came by (config/lines.yaml).
    """

    dialled: str
    caller: Caller
    at: datetime
    line: str = ""
    kind: Literal["call_started"] = "call_started"


@dataclass(frozen=True, slots=True)
class DigitsPressed:
    """The caller pressed keys; `digits` holds 1..n of `0-9*#ABCD`, without the finishing key."""

    digits: str
    kind: Literal["digits_pressed"] = "digits_pressed"


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The caller pressed nothing (or too little) in the time that `Gather` allowed."""

    digits: str = ""
    kind: Literal["timed_out"] = "timed_out"


@dataclass(frozen=True, slots=True)
class PromptFinished:
    """A `Play` came to its end."""

    kind: Literal["prompt_finished"] = "prompt_finished"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A `Record` ended. `recording` names the stored sound, "" when nothing was kept; `ms` its length."""

    recording: str
    ms: int
    kind: Literal["recorded"] = "recorded"


@dataclass(frozen=True, slots=True)
class TransferAnswered:
    """The destination took the call; we are out of it or hold the bridge until `HungUp`."""

    kind: Literal["transfer_answered"] = "transfer_answered"


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """The destination did not take the call; the caller is still with us."""

    problem: TransferProblem
    kind: Literal["transfer_failed"] = "transfer_failed"


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over. `by` says who ended it; `error` means that the line or the media died.

    `sound` is for the record alone: what follows never depends on it, nor whether two ends are the same.
    """

    by: Literal["caller", "us", "destination", "error"] = "caller"
    kind: Literal["hung_up"] = "hung_up"
    sound: SoundQuality | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Told:
    """The world's answer to an `Ask` effect.

    Args:
        answer: one word out of the question's documented answers.
        values: named texts that later prompts may speak.
    """

    answer: str
    values: tuple[tuple[str, str], ...] = ()
    kind: Literal["told"] = "told"


Event = (
    CallStarted
    | DigitsPressed
    | TimedOut
    | PromptFinished
    | Recorded
    | TransferAnswered
    | TransferFailed
    | HungUp
    | Told
)
