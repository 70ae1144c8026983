"""Frames between a line process and the app process: versioned, length-framed, acknowledged.

A frame on the wire is a four-byte big-endian length and that many bytes of UTF-8 JSON. The app listens on a
local socket, a line process connects. Every `Happening` of the line carries a number that the app answers
with a `Command` (or, once a call is over, with a bare acknowledgement) of the same `reply_to`; while it needs
longer it says `Working`, so that the line can tell a busy app from a dead one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from callflow.effects import LineEffect
from callflow.events import Event

VERSION = 1
LIMIT = 262_144  # bytes; a frame holds one event or effect, anything larger is a fault
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Hello:
    """First frame of each side.

    Args:
        role: who speaks.
        name: the line's name in config/lines.yaml, or "app".
        calls: ids of the calls that the line still holds; the app sends none.
        version: of this protocol; another one is a `FrameError`.
    """

    role: Literal["line", "app"]
    name: str
    calls: tuple[str, ...] = ()
    version: int = VERSION
    kind: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True)
class Happening:
    """Line to app: something happened to a call.

    Args:
        number: rising within a connection; the app's answer names it as `reply_to`.
        call: the call's id.
        turn: turn of the effect that it answers, 0 for the first event.
        event: what happened.
    """

    number: int
    call: str
    turn: int
    event: Annotated[Event, Field(discriminator="kind")]
    kind: Literal["happening"] = "happening"


@dataclass(frozen=True, slots=True)
class Command:
    """App to line: do `effect` (its speech given as clips) as turn `turn` of `call`."""

    reply_to: int
    call: str
    turn: int
    effect: Annotated[LineEffect, Field(discriminator="kind")]
    kind: Literal["command"] = "command"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """App to line: happening `reply_to` is on disk and needs no action (the call is over or it came late)."""

    reply_to: int
    call: str
    kind: Literal["acknowledged"] = "acknowledged"


@dataclass(frozen=True, slots=True)
class Refused:
    """App to line: happening `reply_to` could not be handled; the line acts alone for this call."""

    reply_to: int
    call: str
    reason: str
    kind: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class Working:
    """App to line: happening `reply_to` is being worked on; its answer takes a moment longer."""

    reply_to: int
    call: str
    kind: Literal["working"] = "working"


@dataclass(frozen=True, slots=True)
class Measured:
    """Line to app: counters for the staff and health pages, without personal data."""

    counters: dict[str, float]
    kind: Literal["measured"] = "measured"


Frame = Hello | Happening | Command | Acknowledged | Refused | Working | Measured
_FRAMES: TypeAdapter[Frame] = TypeAdapter(Annotated[Frame, Field(discriminator="kind")])


class FrameError(ValueError):
    """Bytes that are no frame of this version; the connection must be closed."""


def encode(frame: Frame) -> bytes:
    """Return the wire form of a frame."""
    body = _FRAMES.dump_json(frame)
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Cuts a byte stream into frames; feed it any pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames completed by `data`.

        Raises:
            FrameError: a length over `LIMIT` or a body that is no frame.
        """
        self._buffer += data
        frames: list[Frame] = []
        while (body := self._next_body()) is not None:
            frames.append(_parse(body))
        return frames

    def _next_body(self) -> bytes | None:
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > LIMIT:
            raise FrameError(f"frame of {length} bytes is over the limit of {LIMIT}")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return body


def _parse(body: bytes) -> Frame:
    try:
        return _FRAMES.validate_json(body)
    except ValidationError as error:
        raise FrameError(f"not a frame of version {VERSION}: {error.error_count()} faults") from error
