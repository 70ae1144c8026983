"""What the engine wants done.

A step gives any number of *record effects* followed by exactly one *line effect* or one `Ask`; after
`HungUp` it gives record effects only. Record effects become database rows before the line effect reaches
the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CardKind = Literal["callback", "missed", "voice", "form", "link_unused", "sms_failed", "message"]
Urgency = Literal["urgent", "soon", "routine"]
Outcome = Literal["transferred", "deflected", "callback", "missed", "informed", "failed"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text to be spoken: a template of ivr_prompts/ or an inline text.

    Args:
        name: file stem in ivr_prompts/<language>/ (without .j2), or "" for an inline text.
        text: the inline text, "" when `name` is given.
        language: two-letter code.
        values: named texts for the template's placeholders.
    """

    name: str = ""
    text: str = ""
    language: str = "de"
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """Rendered speech in the prompt cache.

    Args:
        key: content hash, the file's name in the cache.
        ms: duration in milliseconds.
    """

    key: str
    ms: int = 0


Spoken = Prompt | Clip


@dataclass(frozen=True, slots=True)
class Play:
    """Speak, then tell `PromptFinished`.

    A key out of `keys` stops it and is told as `DigitsPressed`; other keys are kept for the next `Gather`.

    Args:
        spoken: what is said, in order; `Prompt`s leave the engine, `Clip`s reach the line.
        keys: the keys that stop it, out of `0-9*#`; "" for none.
    """

    spoken: tuple[Spoken, ...]
    keys: str = ""
    kind: Literal["play"] = "play"


@dataclass(frozen=True, slots=True)
class Gather:
    """Speak (any key stops the speech and counts), then collect keys: `DigitsPressed` or `TimedOut`.

    Args:
        spoken: what is said while listening; may be empty.
        digits: most keys to collect; reached, the gathering ends at once.
        finish: key that ends the input and is not part of it; "" for none.
        first_ms: silence after the speech, in milliseconds, before `TimedOut`.
        between_ms: silence between keys, in milliseconds, before the input counts as complete.
    """

    spoken: tuple[Spoken, ...]
    digits: int = 1
    finish: str = ""
    first_ms: int = 5000
    between_ms: int = 3000
    kind: Literal["gather"] = "gather"


@dataclass(frozen=True, slots=True)
class Record:
    """Speak, beep, record: ends with `Recorded`.

    Args:
        spoken: what is said before the beep; it tells that a recording follows.
        max_ms: longest recording in milliseconds.
        silence_ms: silence in milliseconds that ends it.
        finish: keys that end it.
    """

    spoken: tuple[Spoken, ...]
    max_ms: int = 120_000
    silence_ms: int = 4000
    finish: str = "#"
    kind: Literal["record"] = "record"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Speak, then pass the call to a destination: ends with `TransferAnswered` or `TransferFailed`.

    Args:
        spoken: what is said before; may be empty.
        destination: a name of config/lines.yaml.
        ring_ms: how many milliseconds it may ring before `no_answer`.
    """

    spoken: tuple[Spoken, ...]
    destination: str
    ring_ms: int = 25_000
    kind: Literal["transfer"] = "transfer"


@dataclass(frozen=True, slots=True)
class HangUp:
    """Speak, then end the call; the line tells `HungUp(by="us")`."""

    spoken: tuple[Spoken, ...] = ()
    kind: Literal["hang_up"] = "hang_up"


LineEffect = Play | Gather | Record | Transfer | HangUp


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the world outside the engine; the session answers with `Told` in the same run.

    | about | subject | answers | values |
    |---|---|---|---|
    | hours | calendar | open, closed, lunch, holiday, closure | `callflow.kinds.hours.FACTS` |
    | queue | destination | free, busy, closed | queue.position, queue.minutes ("" when unknown) |
    | request | "" (the caller's latest) | none, open, working, done | request.since (a day in words) |

    Any other answer counts as unknown: for hours as closed, for queue as free, for request as none.

    Args:
        about: the question's name.
        subject: what it is about, e.g. the calendar's name.
    """

    about: str
    subject: str = ""
    kind: Literal["ask"] = "ask"


@dataclass(frozen=True, slots=True)
class SendLink:
    """Send the form link by SMS.

    Args:
        concern: key of the reason that the form opens with.
        to: E.164 number of a mobile telephone.
        language: two-letter code of the text.
    """

    concern: str
    to: str
    language: str = "de"
    kind: Literal["send_link"] = "send_link"


@dataclass(frozen=True, slots=True)
class OpenCard:
    """Put a card into the inbox for this caller's concern.

    Args:
        card: what kind of card.
        concern: key of the reason ("rezept"), "" when none was chosen.
        urgency: order in the inbox.
        number: E.164 to call back, "" when unknown.
        recording: name of a voice message, "" for none.
    """

    card: CardKind
    concern: str = ""
    urgency: Urgency = "routine"
    number: str = ""
    recording: str = ""
    kind: Literal["open_card"] = "open_card"


@dataclass(frozen=True, slots=True)
class LogStep:
    """The call passed `node` and left it by `exit`; holds no personal datum."""

    node: str
    exit: str
    kind: Literal["log_step"] = "log_step"


@dataclass(frozen=True, slots=True)
class EndCall:
    """The call is over for the books: how it was handled."""

    outcome: Outcome
    kind: Literal["end_call"] = "end_call"


RecordEffect = SendLink | OpenCard | LogStep | EndCall
Effect = LineEffect | Ask | RecordEffect
