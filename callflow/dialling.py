"""Click-to-call: what a line is asked to dial for a member of the team, and what became of it. Pure.

The person's own telephone rings first; when it answers, who will be called is spoken; then the patient is
dialled, showing the practice's number. Lines implement `Dialler`; `callflow.desk_calls` commits a call to the
card's history before a line hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from callflow import numbers
from callflow.effects import Clip

DialOutcome = Literal[
    "answered",
    "voicemail_length",
    "busy",
    "no_answer",
    "cancelled",
    "not_picked_up",
    "refused",
    "failed",
    "unknown",
]
RING_OWN_S = 25
RING_PATIENT_S = 45

_NO_CONVERSATION_S = 5.0
_GREETING_S = 30.0
_PHONE_OFF_S = 3.0
_DIVERTED_S = 15.0


@dataclass(frozen=True, slots=True)
class DialRequest:
    """One call that a member of the team wants to make.

    Args:
        id: unique for ever, letters, digits and "-" only; a line never dials the same id twice.
        card: the card that the call is about.
        device: the person's own telephone: an extension ("23"), else E.164 (Teams or mobile).
        number: the patient, E.164.
        caller_id: what the patient sees: the practice's number, E.164.
        confirm: spoken first on a telephone outside the practice, which may be a mailbox: asks for the key 1,
            and only then goes on; empty when no key is asked for.
        announcement: who will be called; spoken to the person before the patient rings.
    """

    id: str
    card: str
    device: str
    number: str
    caller_id: str
    confirm: tuple[Clip, ...] = ()
    announcement: tuple[Clip, ...] = ()


@dataclass(frozen=True, slots=True)
class DialResult:
    """What became of a call.

    | outcome | meaning |
    |---|---|
    | answered | a conversation, or something as long as one |
    | voicemail_length | answered, but as long as a mailbox's greeting, see `answered` |
    | busy, no_answer | of the patient's telephone |
    | cancelled | the person hung up, or pressed no key, before the patient answered |
    | not_picked_up | the person's own telephone was not answered; the patient never rang |
    | refused | the patient's side or the network refused the call; also a number that we never dial |
    | failed | it could not be dialled |
    | unknown | the connection broke: perhaps it was dialled; nobody dials it again by itself |

    Args:
        outcome: see above.
        seconds: how long both spoke, 0 without a conversation.
    """

    outcome: DialOutcome
    seconds: int = 0


class Dialler(Protocol):
    """A line that can dial for people."""

    def reaches(self, device: str) -> bool:
        """Say whether this line can ring such a telephone (and the public network besides)."""

    async def dial(self, request: DialRequest) -> DialResult:
        """Make the call and return what became of it, once it is over.

        Never raises for what a telephone network does, and never sends the same call a second time: when the
        answer to the first was lost, it finds out what happened or says `unknown`.
        """

    async def became(self, dial: str) -> DialResult:
        """Find out about a call that was begun before a restart; waits while it is still going on."""


def answered(rang_s: float, talked_s: float) -> DialResult:
    """Judge an answered call by its times: who or what answered?

    A mailbox takes a call at once (telephone off) or when the network's no-reply time is over (15 s and more,
    3GPP TS 22.082), and people who hear its greeting hang up within half a minute. Less than 5 s is no
    conversation, whoever answered.

    Args:
        rang_s: seconds from dialling to the answer.
        talked_s: seconds from the answer to the end.
    """
    like_mailbox = rang_s < _PHONE_OFF_S or rang_s >= _DIVERTED_S
    short = talked_s < _NO_CONVERSATION_S or (like_mailbox and talked_s < _GREETING_S)
    return DialResult("voicemail_length" if short else "answered", round(talked_s))


def may_dial(number: str) -> bool:
    """Say whether the system may dial this for a person: no emergency, on-call or premium number."""
    plain = number.removeprefix("+49").lstrip("+0")
    return number.startswith("+") and plain not in numbers.NEVER_DIALLED and numbers.diallable(number)


def asks_for_key(device: str) -> bool:
    """Say whether a telephone may be answered by a mailbox, which must not hear who will be called."""
    return device.startswith("+")
