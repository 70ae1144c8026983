"""Cutting a byte stream into SIP messages (RFC 3261 18.3, RFC 5626 3.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sip.signalling.message import Message, MessageError, parse_parts

LARGEST_HEAD = 32_768
LARGEST_BODY = 65_536
_LENGTH = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n|\Z)", re.IGNORECASE)
PING = b"\r\n\r\n"
PONG = b"\r\n"


class Ping:
    """The peer's keep-alive: answer with a single CRLF."""


class Framer:
    """Collects what a stream brings.

    A stream whose next boundary is not certain is beyond repair: `lost` becomes true and nothing more is
    read from it.
    """

    def __init__(self) -> None:
        self.lost = False
        self._buffer = bytearray()

    def __len__(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Message | MessageError | Ping]:
        """Take bytes; give every message they complete, in order."""
        self._buffer += data
        while not self.lost:
            yield from self._pings()
            found = self._next()
            if found is None:
                return
            yield found

    def _pings(self) -> Iterator[Ping]:
        while self._buffer.startswith(PONG):
            if self._buffer.startswith(PING):
                del self._buffer[: len(PING)]
                yield Ping()
            elif len(self._buffer) == len(PONG):
                return  # half a ping, or a pong: the next bytes tell
            else:
                del self._buffer[: len(PONG)]

    def _next(self) -> Message | MessageError | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return self._give_up("too_large") if len(self._buffer) > LARGEST_HEAD else None
        head = bytes(self._buffer[:end])
        lengths = _LENGTH.findall(head)
        if len(head) > LARGEST_HEAD or len(lengths) != 1 or int(lengths[0]) > LARGEST_BODY:
            return self._refuse(head)
        whole = end + 4 + int(lengths[0])
        if len(self._buffer) < whole:
            return None
        body = bytes(self._buffer[end + 4 : whole])
        del self._buffer[:whole]
        return _parsed(head, body)

    def _refuse(self, head: bytes) -> MessageError:
        """Answer what can be answered, then stop: nobody knows where the next message begins."""
        fault = self._give_up("content_length")
        try:
            parse_parts(head, b"")
        except MessageError as error:
            return error
        return fault

    def _give_up(self, kind: str) -> MessageError:
        self.lost = True
        self._buffer.clear()
        return MessageError(kind)


def _parsed(head: bytes, body: bytes) -> Message | MessageError:
    try:
        return parse_parts(head, body)
    except MessageError as fault:
        return fault
