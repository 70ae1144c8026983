"""Finding the session description in a body of several parts (RFC 5621; carriers send ISUP beside SDP)."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from sip.signalling.message import Request, Response
from sip.signalling.sdp import SDP_TYPE
from sip.signalling.uri import param, parse_params

_MOST_PARTS = 16
M = TypeVar("M", Request, Response)


def unwrapped(message: M) -> M:
    """Give the message with its session description alone, if it is one part of several.

    A body without such a part, or whose parts cannot be told apart, stays as it is and is refused by its
    type later.
    """
    kind, semicolon, rest = message.headers.get("Content-Type").partition(";")
    if not kind.strip().lower().startswith("multipart/"):
        return message
    try:
        boundary = (param(parse_params(semicolon + rest), "boundary") or "").strip('"')
    except ValueError:
        return message
    found = _part(message.body, boundary.encode("utf-8", "surrogateescape")) if boundary else None
    if found is None:
        return message
    return replace(message, body=found, headers=message.headers.replaced("Content-Type", SDP_TYPE))


def _part(body: bytes, boundary: bytes) -> bytes | None:
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary, _MOST_PARTS)[1:]:
        head, blank, content = piece.partition(b"\r\n\r\n")
        if blank and _is_sdp(head):
            return content + b"\r\n"  # the line end before a boundary belongs to the boundary
    return None


def _is_sdp(head: bytes) -> bool:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in {b"content-type", b"c"}:
            return value.partition(b";")[0].strip().lower() == SDP_TYPE.encode()
    return False
