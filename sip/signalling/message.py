"""SIP messages: frozen data, one parser, one writer (RFC 3261 7, 18.3, 25; cases of RFC 4475).

The parser forgives what cannot be misunderstood (compact and odd-cased names, folding, latin-1 names, a
missing blank line, trailing octets of a datagram) and refuses what two readers could read differently
(repeated single-valued fields, contradicting lengths, stray line ends).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sip.signalling.headers import SPELLING, CSeq, Headers, Via, canonical, is_token, parse_cseq, parse_via
from sip.signalling.uri import NameAddr, parse_name_addr, parse_uri, split_quoted

_REQUEST_LINE = re.compile(r"([^ ]+) ([^ ]+) (SIP/[0-9]+\.[0-9]+) *+", re.IGNORECASE)
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?", re.IGNORECASE | re.DOTALL)
_FOLD = re.compile(r"[ \t]*+\r\n[ \t]+")
_FROZEN_CRLF = re.compile(r"[\r\n]")
_ONCE = ("Call-ID", "CSeq", "From", "To", "Max-Forwards", "Content-Length", "Content-Type")
_MOST_HOPS = 255
MOST_HEADERS = 256
_BAD_REQUEST, _OTHER_VERSION = 400, 505

REASONS = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
}


class MessageError(ValueError):
    """A message that is not handed on.

    Args:
        kind: short word for counters.
        code: status to answer a request with; 0 when nothing may be answered.
        headers: what could be read, for the answer.
    """

    def __init__(self, kind: str, code: int = 0, headers: Headers | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.code = code
        self.headers = headers


@dataclass(frozen=True, slots=True)
class _Read:
    """What requests and responses share: all fields, the body, and the mandatory fields read."""

    headers: Headers
    body: bytes
    via: Via
    sender: NameAddr
    to: NameAddr
    call_id: str
    cseq: CSeq


@dataclass(frozen=True, slots=True)
class Request(_Read):
    """A request with its mandatory fields read; `uri` is the Request-URI as written."""

    method: str
    uri: str

    def __bytes__(self) -> bytes:
        """Write the message."""
        return _write(f"{self.method} {self.uri} SIP/2.0", self.headers.items, self.body)


@dataclass(frozen=True, slots=True)
class Response(_Read):
    """A response with its mandatory fields read."""

    status: int
    reason: str

    def __bytes__(self) -> bytes:
        """Write the message."""
        return _write(f"SIP/2.0 {self.status} {self.reason}", self.headers.items, self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of our own, written: nobody here reads it again, and what repeats it keeps no more."""

    status: int
    data: bytes

    def __bytes__(self) -> bytes:
        """Give the message."""
        return self.data


Message = Request | Response


def _write(start: str, fields: Iterable[tuple[str, str]], body: bytes) -> bytes:
    lines = [start, *[f"{name}: {value}" for name, value in fields], "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def request(method: str, uri: str, fields: Iterable[tuple[str, str]], body: bytes = b"") -> Request:
    """Make a request of our own; Content-Length is added.

    Raises:
        ValueError: a line end in a value, or a mandatory field that cannot be read.
    """
    headers = Headers(_own(fields, body))
    return Request(headers, body, *_mandatory(headers), method, uri)


def response(status: int, fields: Iterable[tuple[str, str]], body: bytes = b"", reason: str = "") -> Response:
    """Make a response of our own; Content-Length is added.

    Raises:
        ValueError: as `request`.
    """
    headers = Headers(_own(fields, body))
    return Response(headers, body, *_mandatory(headers), status, reason or REASONS.get(status, "Unknown"))


def answer(status: int, fields: Iterable[tuple[str, str]], body: bytes = b"") -> Answer:
    """Write a response of our own to a request that was read; Content-Length is added.

    Args:
        status: of the response.
        fields: all fields, those copied from the request included.
        body: session description or "".

    Raises:
        ValueError: a line end in a value.
    """
    start = f"SIP/2.0 {status} {REASONS.get(status, 'Unknown')}"
    return Answer(status, _write(start, _own(fields, body), body))


def _own(fields: Iterable[tuple[str, str]], body: bytes) -> tuple[tuple[str, str], ...]:
    whole = (*fields, ("Content-Length", str(len(body))))
    if _FROZEN_CRLF.search("".join([value for _, value in whole])):
        raise ValueError("line end in a header value")
    return whole


def parse(data: bytes) -> Message:
    """Read one datagram.

    Raises:
        MessageError: not to be handed on; tells how to answer.
    """
    data = data.lstrip(b"\r\n")
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        head = head.removesuffix(b"\r\n")
    return parse_parts(head, body)


def parse_parts(head: bytes, body: bytes) -> Message:
    """Read a message whose head (without the blank line) is already cut from what follows.

    Raises:
        MessageError: as `parse`.
    """
    start, headers, bad = _split(head)
    if bad:
        raise _judged(MessageError("header", _BAD_REQUEST), start, headers)
    try:
        return (_response if start[:4].upper() == "SIP/" else _request)(start, headers, body)
    except MessageError as fault:
        raise _judged(fault, start, headers) from None


def _split(head: bytes) -> tuple[str, Headers, bool]:
    text = head.decode("utf-8", "surrogateescape")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    start = lines[0]
    if _FROZEN_CRLF.search(start) or " " not in start:
        raise MessageError("start_line")
    if len(lines) > MOST_HEADERS:
        raise MessageError("too_many_headers")
    items: list[tuple[str, str]] = []
    bad = False
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or "\r" in line or "\n" in line:
            bad = True
            continue
        try:
            known = SPELLING.get(name) or canonical(name.rstrip(" \t"))  # nearly all without a call
        except ValueError:
            bad = True
            continue
        items.append((known, value.strip(" \t")))
    return start, Headers(items), bad


def _judged(fault: MessageError, start: str, headers: Headers) -> MessageError:
    """Add what could be read to a fault, and take its answer away where nobody can use one."""
    return MessageError(fault.kind, fault.code if _answerable(start, headers) else 0, headers)


def _answerable(start: str, headers: Headers) -> bool:
    """Tell whether the sender can make use of an answer: to a request, not ACK, that names itself."""
    if start[:4].upper() == "SIP/" or start.startswith("ACK "):
        return False
    return all(name in headers for name in ("Via", "From", "To", "Call-ID", "CSeq"))


def _request(start: str, headers: Headers, body: bytes) -> Request:
    found = _REQUEST_LINE.fullmatch(start)
    if not found:
        raise MessageError("start_line", _BAD_REQUEST)
    method, uri, version = found.groups()
    if version.upper() != "SIP/2.0":
        raise MessageError("version", _OTHER_VERSION)
    if not is_token(method):
        raise MessageError("start_line", _BAD_REQUEST)
    _check_uri(uri)
    body = _checked(headers, body)
    read = _read(headers)
    if read[-1].method != method:
        raise MessageError("cseq", _BAD_REQUEST)
    hops = headers.get("Max-Forwards")
    if hops and not (hops.isascii() and hops.isdigit() and len(hops) < 4 and int(hops) <= _MOST_HOPS):  # noqa: PLR2004  # three digits
        raise MessageError("max_forwards", _BAD_REQUEST)
    return Request(headers, body, *read, method, uri)


def _check_uri(uri: str) -> None:
    try:
        parsed = parse_uri(uri)
    except ValueError:
        raise MessageError("request_uri", _BAD_REQUEST) from None
    if parsed.headers:  # RFC 3261 19.1.1: no header part in a Request-URI
        raise MessageError("request_uri", _BAD_REQUEST)


def _response(start: str, headers: Headers, body: bytes) -> Response:
    found = _STATUS_LINE.fullmatch(start)
    if not found:
        raise MessageError("status_line")
    body = _checked(headers, body)
    return Response(headers, body, *_read(headers), int(found[1]), found[2] or "")


def _checked(headers: Headers, body: bytes) -> bytes:
    if headers.repeats and any(len(headers.all(name)) > 1 for name in _ONCE):
        raise MessageError("repeated", _BAD_REQUEST)
    length = headers.get("Content-Length")
    if not length:
        return body
    if not (length.isascii() and length.isdigit() and len(length) < 10):  # noqa: PLR2004  # more digits than any length
        raise MessageError("content_length", _BAD_REQUEST)
    if int(length) > len(body):
        raise MessageError("content_length", _BAD_REQUEST)
    return body[: int(length)]


def _read(headers: Headers) -> tuple[Via, NameAddr, NameAddr, str, CSeq]:
    try:
        return _mandatory(headers)
    except KeyError:
        raise MessageError("missing", _BAD_REQUEST) from None
    except ValueError as error:
        raise MessageError(str(error).replace(" ", "_"), _BAD_REQUEST) from None


def _mandatory(headers: Headers) -> tuple[Via, NameAddr, NameAddr, str, CSeq]:
    first = headers.get("Via")
    call_id = headers.get("Call-ID")
    if not first or not call_id:
        raise KeyError("Via" if call_id else "Call-ID")
    if "," in first:
        first = split_quoted(first, ",")[0]
    sender, to, cseq = headers.get("From"), headers.get("To"), headers.get("CSeq")
    if not sender or not to or not cseq:
        raise KeyError("From")
    return parse_via(first), parse_name_addr(sender), parse_name_addr(to), call_id, parse_cseq(cseq)
