"""What the speech worker is asked, and its answers: frozen data with a length-framed wire form.

A frame is a four-byte big-endian length of JSON, the JSON, and as many bytes of sound as its `bytes` says.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

HEAD = struct.Struct(">I")
LARGEST = 32 * 1024 * 1024  # bytes of sound in one answer; over an hour of speech
CALLER_WAITS_S = 3.0  # longest time for a job while a caller hears nothing
NOBODY_WAITS_S = 30.0  # the same where nobody does: a slow machine must not keep its faults as announcements


PieceKind = Literal["text", "digits", "date"]


@dataclass(frozen=True, slots=True)
class Write:
    """Turn a prompt into pieces of text.

    Args:
        language: two-letter code of the folder in ivr_prompts/.
        name: the prompt file's stem, "" for an inline text.
        text: the inline text, "" when `name` is given.
        values: named texts for its placeholders.
    """

    language: str
    name: str
    text: str
    values: Mapping[str, str]
    op: Literal["write"] = "write"


@dataclass(frozen=True, slots=True)
class Speak:
    """Speak running text."""

    language: str
    text: str
    op: Literal["speak"] = "speak"


@dataclass(frozen=True, slots=True)
class Digits:
    """Speak one or two digits, in falling tone when they are the last of a number."""

    language: str
    digits: str
    final: bool
    op: Literal["digits"] = "digits"


@dataclass(frozen=True, slots=True)
class Synthesise:
    """Make a sound that nobody speaks: "music" or "beep"."""

    sound: str
    op: Literal["synthesise"] = "synthesise"


@dataclass(frozen=True, slots=True)
class Convert:
    """Make a recording (path of a WAV, MP3 or M4A) fit for the telephone."""

    path: str
    op: Literal["convert"] = "convert"


@dataclass(frozen=True, slots=True)
class Hear:
    """Write down speech; asked of the hearing worker alone. `sound` is A-law in base64."""

    language: str
    sound: str
    op: Literal["hear"] = "hear"


Job = Write | Speak | Digits | Synthesise | Convert
JOBS: Mapping[str, type[Job]] = {
    "write": Write,
    "speak": Speak,
    "digits": Digits,
    "synthesise": Synthesise,
    "convert": Convert,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The worker's answer.

    Args:
        error: "" when the job was done; else what was wrong, free of values and texts.
        pieces: (kind, text) of a `Write`, as in `callflow.prompts.templates.Piece`.
        sound: A-law of all other jobs.
        source: where the sound came from, e.g. "voice:pico".
    """

    error: str = ""
    pieces: tuple[tuple[PieceKind, str], ...] = ()
    sound: bytes = b""
    source: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)


def pack_job(job: Job | Hear) -> bytes:
    """Return a job's frame."""
    body = json.dumps(asdict(job)).encode()
    return HEAD.pack(len(body)) + body


def unpack_job(body: bytes) -> Job:
    """Return the job of a frame's body."""
    fields = json.loads(body)
    return JOBS[fields.pop("op")](**fields)


def unpack_hear(body: bytes) -> Hear:
    """Return the hearing job of a frame's body."""
    return Hear(**json.loads(body))


def pack_answer(answer: Answer) -> bytes:
    """Return an answer's frame."""
    fields = {
        "error": answer.error,
        "pieces": answer.pieces,
        "source": answer.source,
        "facts": dict(answer.facts),
        "bytes": len(answer.sound),
    }
    body = json.dumps(fields).encode()
    return HEAD.pack(len(body)) + body + answer.sound


def unpack_answer(body: bytes) -> tuple[Answer, int]:
    """Return the answer of a frame's body, still without sound, and how many bytes of sound follow."""
    fields = json.loads(body)
    pieces = tuple((kind, text) for kind, text in fields["pieces"])
    answer = Answer(fields["error"], pieces, b"", fields["source"], fields["facts"])
    return answer, min(int(fields["bytes"]), LARGEST)
