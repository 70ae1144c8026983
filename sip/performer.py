"""Carries one line effect out: a pure state machine between the app's effects and a leg's happenings.

`begin` takes the effect of a new turn, `happened` what the leg, the sound or a timer reported; both return
the next state and what is to be done. An effect ends with exactly one `Tell`; `HungUp` is told once, at any
time. Keys pressed while nobody listens are kept for the next `Gather`, so that callers may type ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from callflow.effects import Clip, Gather, HangUp, LineEffect, Play, Record, Spoken, Transfer
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

TYPE_AHEAD = 32  # keys; more than any number a caller is asked for
HungUpBy = Literal["caller", "us", "destination", "error"]
Phase = Literal["waiting", "speaking", "collecting", "recording", "transferring", "passed", "ending", "over"]


@dataclass(frozen=True, slots=True)
class Pressed:
    """The caller pressed one key."""

    key: str


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The clips of `Speak(serial)` came to their end."""

    serial: int


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The timer of `SetTimer(serial)` ran out."""

    serial: int


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """The recording stopped and is stored under `recording` ("" when nothing was kept)."""

    recording: str
    ms: int


@dataclass(frozen=True, slots=True)
class DestinationAnswered:
    """The destination took the call."""


@dataclass(frozen=True, slots=True)
class DestinationFailed:
    """The destination did not take the call."""

    problem: TransferProblem


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The caller's leg is gone."""

    by: HungUpBy


@dataclass(frozen=True, slots=True)
class Nudged:
    """What the caller holds for has come: whoever has pressed nothing yet need not wait out the time."""


Reported = (
    Pressed
    | Nudged
    | SpeechEnded
    | TimeUp
    | RecordingEnded
    | DestinationAnswered
    | DestinationFailed
    | LegEnded
)


@dataclass(frozen=True, slots=True)
class Speak:
    """Play these clips one after the other, then report `SpeechEnded(serial)`."""

    keys: tuple[str, ...]
    serial: int


@dataclass(frozen=True, slots=True)
class StopSpeech:
    """Fall silent at once."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Report `TimeUp(serial)` after `ms`; replaces the timer before."""

    ms: int
    serial: int


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Beep, then record; report `RecordingEnded` when over."""

    max_ms: int
    silence_ms: int


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording now; `RecordingEnded` still follows."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Pass the call on; report `DestinationAnswered` or `DestinationFailed`."""

    destination: str
    ring_ms: int


@dataclass(frozen=True, slots=True)
class EndLeg:
    """End the caller's leg; `LegEnded` follows."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the app (or whoever decides in its place)."""

    event: Event


Action = Speak | StopSpeech | SetTimer | StartRecording | StopRecording | Dial | EndLeg | Tell
Actions = tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Performance:
    """Where a call stands between two effects.

    Args:
        phase: what is going on; "waiting" means that the next effect is awaited.
        effect: the effect being carried out.
        digits: keys collected so far.
        kept: keys typed ahead.
        serial: number of the newest speech or timer; reports of older ones are stale.
        ended_by: set when the leg ended while its recording was still being stored.
    """

    phase: Phase = "waiting"
    effect: LineEffect | None = None
    digits: str = ""
    kept: str = ""
    serial: int = 0
    ended_by: HungUpBy | None = None


Step = tuple[Performance, Actions]


def begin(state: Performance, effect: LineEffect) -> Step:
    """Start `effect`, silencing what still runs.

    A call that was passed on, ends or is over takes no more effects: whoever speaks with the caller then is
    not to be cut off by a late command.
    """
    if state.phase in ("passed", "ending", "over"):
        return state, ()
    before: Actions = (StopSpeech(),) if state.phase == "speaking" else ()
    fresh = replace(state, effect=effect, digits="")
    if isinstance(effect, Play) and state.kept[:1] and state.kept[0] in effect.keys:
        told = DigitsPressed(state.kept[0])
        return replace(_waiting(fresh), kept=state.kept[1:]), (*before, Tell(told))
    if isinstance(effect, Gather) and state.kept:
        return _after(before, _collect_kept(replace(fresh, phase="collecting")))
    return _after(before, _speak(fresh, effect.spoken))


def happened(state: Performance, reported: Reported) -> Step:
    """Return the next state and actions; reports that no longer matter change nothing."""
    if state.phase == "over":
        return state, ()
    if isinstance(reported, LegEnded):
        return _leg_ended(state, reported.by)
    if isinstance(reported, Pressed):
        return _pressed(state, reported.key)
    if isinstance(reported, Nudged):
        return _nudged(state)
    return _progress(state, reported)


def _progress(state: Performance, reported: Reported) -> Step:
    match state.phase, reported:
        case "speaking", SpeechEnded(serial) if serial == state.serial:
            return _spoken(state)
        case "collecting", TimeUp(serial) if serial == state.serial:
            return _time_up(state)
        case "recording", RecordingEnded(recording, ms):
            return _recorded(state, Recorded(recording, ms))
        case "transferring", DestinationAnswered():
            return replace(state, phase="passed"), (Tell(TransferAnswered()),)
        case "transferring", DestinationFailed(problem):
            return _waiting(state), (Tell(TransferFailed(problem)),)
    return state, ()


def _nudged(state: Performance) -> Step:
    listening = isinstance(state.effect, Gather) and state.phase in ("speaking", "collecting")
    if not listening or state.digits or state.kept:
        return state, ()
    before: Actions = (StopSpeech(),) if state.phase == "speaking" else ()
    return _waiting(state), (*before, Tell(TimedOut()))


def _after(before: Actions, step: Step) -> Step:
    return step[0], (*before, *step[1])


def _waiting(state: Performance) -> Performance:
    return replace(state, phase="waiting", effect=None, digits="")


def _speak(state: Performance, spoken: tuple[Spoken, ...]) -> Step:
    keys = tuple(clip.key for clip in spoken if isinstance(clip, Clip))
    speaking = replace(state, phase="speaking", serial=state.serial + 1)
    if not keys:
        return _spoken(speaking)
    return speaking, (Speak(keys, speaking.serial),)


def _spoken(state: Performance) -> Step:
    match state.effect:
        case Gather() as gather:
            return _timer(replace(state, phase="collecting"), gather.first_ms)
        case Record() as record:
            return replace(state, phase="recording"), (StartRecording(record.max_ms, record.silence_ms),)
        case Transfer() as transfer:
            return replace(state, phase="transferring"), (Dial(transfer.destination, transfer.ring_ms),)
        case HangUp():
            return replace(state, phase="ending"), (EndLeg(),)
    return _waiting(state), (Tell(PromptFinished()),)


def _timer(state: Performance, ms: int) -> Step:
    serial = state.serial + 1
    return replace(state, serial=serial), (SetTimer(ms, serial),)


def _pressed(state: Performance, key: str) -> Step:
    match state.phase, state.effect:
        case "speaking", Play(keys=keys) if key in keys:
            return _waiting(state), (StopSpeech(), Tell(DigitsPressed(key)))
        case "speaking", Gather():
            return _after((StopSpeech(),), _collect(replace(state, phase="collecting"), key))
        case "collecting", Gather():
            return _collect(state, key)
        case "recording", Record(finish=finish):
            # A key inside a message belongs to the message: kept, it would answer the next question.
            return state, ((StopRecording(),) if key in finish else ())
        case (("transferring" | "passed" | "ending"), _):
            return state, ()
    return replace(state, kept=(state.kept + key)[:TYPE_AHEAD]), ()


def _collect(state: Performance, key: str) -> Step:
    gather = state.effect
    if not isinstance(gather, Gather):
        return state, ()
    if gather.finish and key == gather.finish:
        told = DigitsPressed(state.digits) if state.digits else TimedOut()
        return _waiting(state), (Tell(told),)
    digits = state.digits + key
    if len(digits) >= gather.digits:
        return _waiting(state), (Tell(DigitsPressed(digits)),)
    return _timer(replace(state, digits=digits), gather.between_ms)


def _collect_kept(state: Performance) -> Step:
    actions: Actions = ()
    while state.kept and state.phase == "collecting":
        key, rest = state.kept[0], state.kept[1:]
        state, actions = _collect(replace(state, kept=rest), key)
    return state, actions


def _time_up(state: Performance) -> Step:
    told = DigitsPressed(state.digits) if state.digits else TimedOut()
    return _waiting(state), (Tell(told),)


def _recorded(state: Performance, told: Recorded) -> Step:
    if state.ended_by is None:
        return _waiting(state), (Tell(told),)
    return replace(state, phase="over"), (Tell(told), Tell(HungUp(state.ended_by)))


def _leg_ended(state: Performance, by: HungUpBy) -> Step:
    if state.phase == "recording":
        # Most callers end a message by hanging up: it is stored and told before the hang-up.
        return replace(state, ended_by=by), (() if state.ended_by else (StopRecording(),))
    return replace(state, phase="over", effect=None), (Tell(HungUp(by)),)
