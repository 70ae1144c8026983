"""What a member of the team hears before a patient is dialled, as TwiML; pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from twilio.twiml.voice_response import Gather, VoiceResponse

from callflow.dialling import RING_PATIENT_S, DialRequest
from callflow.effects import Clip
from webhooks.twiml import Site

KEY = "1"
_WAIT_S = 10


def asking(request: DialRequest, site: Site, address: str) -> str:
    """Ask for the key 1, which no mailbox presses; the answer goes to `address` + "confirmed"."""
    response = VoiceResponse()
    gather = response.gather(
        input="dtmf",
        num_digits=1,
        timeout=_WAIT_S,
        finish_on_key="",
        action=f"{address}/confirmed",
        method="POST",
        action_on_empty_result=True,
    )
    _speak(gather, request.confirm, site)
    return str(response)


def connecting(request: DialRequest, site: Site, address: str) -> str:
    """Say who will be called, then dial the patient with the practice's number."""
    response = VoiceResponse()
    _speak(response, request.announcement, site)
    dial = response.dial(
        action=f"{address}/done",
        method="POST",
        timeout=RING_PATIENT_S,
        caller_id=request.caller_id,
    )
    dial.number(
        request.number,
        status_callback=f"{address}/patient",
        status_callback_method="POST",
        status_callback_event="initiated answered",
    )
    return str(response)


def _speak(parent: VoiceResponse | Gather, clips: Iterable[Clip], site: Site) -> None:
    for clip in clips:
        parent.play(site.clip(clip.key))
