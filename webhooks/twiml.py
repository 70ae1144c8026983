"""Line effects as TwiML: a pure function, so that a repeated request gets the same answer.

Verbs and attributes are Twilio's own classes (twilio.twiml), after "TwiML for Programmable Voice".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from twilio.twiml.voice_response import Dial, VoiceResponse
from twilio.twiml.voice_response import Gather as GatherVerb

from callflow.effects import Clip, Gather, HangUp, LineEffect, Play, Record, Spoken, Transfer

LONGEST_TIMEOUT = 600  # seconds; Twilio's own limit for <Dial timeout>


@dataclass(frozen=True, slots=True)
class Target:
    """What `<Dial>` dials for a destination: an E.164 number or a SIP URI."""

    number: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """What the documents refer to.

    Args:
        base: public https address of the webhooks, without a slash at its end.
        targets: destination name -> what to dial.
        caller_id: number shown to a destination, "" for the caller's own.
    """

    base: str
    targets: Mapping[str, Target] = field(default_factory=dict)
    caller_id: str = ""

    def step(self, turn: int, *, empty: bool = False) -> str:
        """Return where the answer to `turn` is to be told; `empty` marks a verb that fell through."""
        return f"{self.base}/voice/step?turn={turn}" + ("&empty=1" if empty else "")

    def clip(self, key: str) -> str:
        """Return where the speech named `key` is served."""
        return f"{self.base}/voice/clips/{key}.wav"


def twiml(effect: LineEffect, turn: int, site: Site) -> str:
    """Write the TwiML document for one line effect, its speech given as clips, of turn `turn`."""
    response = VoiceResponse()
    match effect:
        case Play():
            _play(response, effect, turn, site)
        case Gather():
            _gather(response, effect, turn, site)
        case Record():
            _record(response, effect, turn, site)
        case Transfer():
            _transfer(response, effect, turn, site)
        case HangUp():
            _speak(response, effect.spoken, site)
            response.hangup()
        case _:
            assert_never(effect)
    return str(response)


def rejected() -> str:
    """Write the document for a call that we do not know or that is over: it ends."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def _speak(parent: VoiceResponse | GatherVerb, spoken: Iterable[Spoken], site: Site) -> None:
    for piece in spoken:
        if isinstance(piece, Clip):
            parent.play(site.clip(piece.key))


def _play(response: VoiceResponse, effect: Play, turn: int, site: Site) -> None:
    if effect.keys:
        # A <Gather> around the speech is the only way to hear a key meanwhile; its shortest wait is a second.
        gather = response.gather(
            input="dtmf", num_digits=1, timeout=1, finish_on_key="", action=site.step(turn), method="POST",
            action_on_empty_result=True,
        )  # fmt: skip
        _speak(gather, effect.spoken, site)
        return
    _speak(response, effect.spoken, site)
    response.redirect(site.step(turn), method="POST")


def _gather(response: VoiceResponse, effect: Gather, turn: int, site: Site) -> None:
    wait = effect.first_ms if effect.digits == 1 else max(effect.first_ms, effect.between_ms)
    gather = response.gather(
        input="dtmf",
        num_digits=effect.digits,
        timeout=_seconds(wait),
        finish_on_key=effect.finish,
        action=site.step(turn),
        method="POST",
        action_on_empty_result=True,
    )
    _speak(gather, effect.spoken, site)


def _record(response: VoiceResponse, effect: Record, turn: int, site: Site) -> None:
    _speak(response, effect.spoken, site)
    response.record(
        action=site.step(turn),
        method="POST",
        max_length=_seconds(effect.max_ms),
        timeout=_seconds(effect.silence_ms),
        finish_on_key=effect.finish,
        play_beep=True,
        trim="trim-silence",
    )
    # Twilio passes on to the next verb when nothing was said.
    response.redirect(site.step(turn, empty=True), method="POST")


def _transfer(response: VoiceResponse, effect: Transfer, turn: int, site: Site) -> None:
    _speak(response, effect.spoken, site)
    target = site.targets.get(effect.destination)
    if target is None:
        response.redirect(site.step(turn, empty=True), method="POST")
        return
    dial: Dial = response.dial(
        action=site.step(turn),
        method="POST",
        timeout=min(_seconds(effect.ring_ms), LONGEST_TIMEOUT),
        answer_on_bridge=True,
        caller_id=site.caller_id or None,
    )
    if target.uri:
        dial.sip(target.uri)
    else:
        dial.number(target.number)


def _seconds(milliseconds: int) -> int:
    return max(1, math.ceil(milliseconds / 1000))
