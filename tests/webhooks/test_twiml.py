"""A line effect becomes one TwiML document, and Twilio's next request the event that answers it."""

import pytest

from callflow.effects import Clip, Gather, HangUp, LineEffect, Play, Record, Transfer
from callflow.events import (
    DigitsPressed,
    Event,
    HungUp,
    PromptFinished,
    Recorded,
    TimedOut,
    TransferAnswered,
    TransferFailed,
)
from webhooks.happenings import answer, over
from webhooks.twiml import Site, Target, twiml

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
STEP = "https://x.example/webhooks/voice/step?turn=7"
SITE = Site(
    "https://x.example/webhooks",
    {"empfang": Target(number="+4935199"), "teams": Target(uri="sip:+4935188@sbc.example;user=phone")},
    caller_id="+4935112345600",
)
CLIP = "<Play>https://x.example/webhooks/voice/clips/aa.wav</Play>"
SPOKEN = (Clip("aa", 900),)

DOCUMENTS: list[tuple[LineEffect, str]] = [
    (Play(SPOKEN), f'{CLIP}<Redirect method="POST">{STEP}</Redirect>'),
    (
        Play(SPOKEN, keys="09"),
        (
            f'<Gather action="{STEP}" actionOnEmptyResult="true" finishOnKey="" input="dtmf" method="POST" '
            f'numDigits="1" timeout="1">{CLIP}</Gather>'
        ),
    ),
    (
        Gather(SPOKEN, digits=12, finish="#", first_ms=4100, between_ms=6000),
        (
            f'<Gather action="{STEP}" actionOnEmptyResult="true" finishOnKey="#" input="dtmf" method="POST" '
            f'numDigits="12" timeout="6">{CLIP}</Gather>'
        ),
    ),
    (
        Record(SPOKEN, max_ms=60_000, silence_ms=3000),
        (
            f'{CLIP}<Record action="{STEP}" finishOnKey="#" maxLength="60" method="POST" playBeep="true" '
            f'timeout="3" trim="trim-silence" /><Redirect method="POST">{STEP}&amp;empty=1</Redirect>'
        ),
    ),
    (
        Transfer(SPOKEN, "empfang", ring_ms=20_000),
        (
            f'{CLIP}<Dial action="{STEP}" answerOnBridge="true" callerId="+4935112345600" method="POST" '
            'timeout="20"><Number>+4935199</Number></Dial>'
        ),
    ),
    (
        Transfer((), "teams", ring_ms=900_000),
        (
            f'<Dial action="{STEP}" answerOnBridge="true" callerId="+4935112345600" method="POST" '
            'timeout="600"><Sip>sip:+4935188@sbc.example;user=phone</Sip></Dial>'
        ),
    ),
    (Transfer((), "nobody"), f'<Redirect method="POST">{STEP}&amp;empty=1</Redirect>'),
    (HangUp(SPOKEN), f"{CLIP}<Hangup />"),
]


@pytest.mark.parametrize(("effect", "body"), DOCUMENTS, ids=lambda value: getattr(value, "kind", ""))
def test_each_effect_has_its_document(effect: LineEffect, body: str) -> None:
    assert twiml(effect, 7, SITE) == f"{HEAD}<Response>{body}</Response>"


EVENTS: list[tuple[LineEffect, dict[str, str], Event]] = [
    (Play(()), {}, PromptFinished()),
    (Play((), keys="09"), {"Digits": "9"}, DigitsPressed("9")),
    (Play((), keys="09"), {"Digits": "5"}, PromptFinished()),
    (Play((), keys="09"), {"Digits": ""}, PromptFinished()),
    (Gather((), digits=3), {"Digits": "123"}, DigitsPressed("123")),
    (Gather((), digits=3), {"Digits": "1234567"}, DigitsPressed("123")),
    (Gather((), digits=3), {"Digits": ""}, TimedOut()),
    (Gather((), digits=3), {"Digits": "hangup"}, TimedOut()),
    (Record(()), {"RecordingSid": "RE1", "RecordingDuration": "12"}, Recorded("RE1", 12_000)),
    (Record(()), {}, Recorded("", 0)),
    (Record(()), {"RecordingSid": "RE1", "RecordingDuration": "-1"}, Recorded("RE1", 0)),
    (Transfer((), "empfang"), {"DialCallStatus": "completed"}, TransferAnswered()),
    (Transfer((), "empfang"), {"DialCallStatus": "busy"}, TransferFailed("busy")),
    (Transfer((), "empfang"), {"DialCallStatus": "no-answer"}, TransferFailed("no_answer")),
    (Transfer((), "empfang"), {"DialCallStatus": "failed"}, TransferFailed("failed")),
    (Transfer((), "nobody"), {}, TransferFailed("failed")),
    (HangUp(), {}, HungUp("us")),
]


@pytest.mark.parametrize(("asked", "fields", "event"), EVENTS)
def test_the_next_request_is_the_event_that_answers(
    asked: LineEffect, fields: dict[str, str], event: Event
) -> None:
    assert answer(asked, fields) == event


@pytest.mark.parametrize(
    ("status", "ended"),
    [("in-progress", False), ("ringing", False), ("", False), ("completed", True), ("canceled", True)],
)
def test_a_call_is_over_when_twilio_says_so(status: str, ended: bool) -> None:  # noqa: FBT001  # a table's column
    assert over({"CallStatus": status}) is ended
