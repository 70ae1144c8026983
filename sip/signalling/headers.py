"""SIP header fields: names, compact forms, lists, Via and CSeq (RFC 3261 7.3, 20)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sip.signalling.uri import Params, param, parse_params, split_quoted, write_params

COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
}
# Names whose usual spelling is not what str.title() gives.
_SPELLED = ("Call-ID", "CSeq", "MIME-Version", "RAck", "RSeq", "WWW-Authenticate", "Min-SE", "SIP-ETag")
# The names that most messages carry are found as written, without lowering and checking them.
_USUAL = (
    *("Via", "From", "To", "Contact", "Max-Forwards", "Content-Length", "Content-Type", "Allow", "Supported"),
    *("User-Agent", "Server", "Accept", "Route", "Record-Route", "Authorization", "Expires", "Require"),
    *("P-Asserted-Identity", "Session-Expires", "Privacy", "Allow-Events", "Subject", "Date", "Reason"),
)
SPELLING = COMPACT | {
    spelling: name for name in (*_SPELLED, *_USUAL) for spelling in (name, name.lower(), name.upper())
}
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_VIA = re.compile(
    r"SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*([^\s/;,\"]+)[ \t]+"
    r"(\[[0-9A-Fa-f:.]+\]|[^\s:;,\[\]\"<>]+)[ \t]*(?::[ \t]*([0-9]{1,5})[ \t]*)?(;.*)?",
    re.IGNORECASE | re.DOTALL,
)
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+([^\s]+)")
CSEQ_LIMIT = 2**31
_PORT_LIMIT = 65536


def is_token(text: str) -> bool:
    """Tell whether `text` is a token (RFC 3261 25.1)."""
    return bool(_TOKEN.fullmatch(text))


def canonical(name: str) -> str:
    """Spell a header name as we look it up.

    Raises:
        ValueError: not a token.
    """
    known = SPELLING.get(name)
    if known:
        return known
    lower = name.lower()
    known = SPELLING.get(lower)
    if known:
        return known
    if not _TOKEN.fullmatch(name):
        raise ValueError("malformed header name")
    return lower.title()


class Headers:
    """An immutable list of header fields, in wire order.

    Args:
        items: canonical name (see `canonical`) and value of each field.
    """

    __slots__ = ("_first", "items")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self.items = tuple(items)
        self._first = dict(self.items[::-1])  # of several the first wins

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.items == other.items

    def __hash__(self) -> int:
        return hash(self.items)

    def __contains__(self, name: str) -> bool:
        return name in self._first

    def __repr__(self) -> str:
        return f"Headers({self.items!r})"

    @property
    def repeats(self) -> bool:
        """Some name stands more than once."""
        return len(self._first) < len(self.items)

    def get(self, name: str, default: str = "") -> str:
        """Give the first value under a canonical name."""
        return self._first.get(name, default)

    def all(self, name: str) -> list[str]:
        """Give every field's value under a canonical name, unsplit."""
        if name not in self._first:
            return []
        return [value for key, value in self.items if key == name]

    def values(self, name: str) -> list[str]:
        """Give the elements of a comma list spread over any number of fields.

        Raises:
            ValueError: a quote that does not end.
        """
        found: list[str] = []
        for value in self.all(name):
            parts = split_quoted(value, ",") if "," in value else (value,)
            found += [part.strip(" \t") for part in parts]
        return [part for part in found if part]

    def tokens(self, name: str) -> frozenset[str]:
        """Give the elements of a list of plain words in lower case, e.g. option tags; never raises."""
        words = (word.strip(" \t").lower() for value in self.all(name) for word in value.split(","))
        return frozenset(word for word in words if word)

    def replaced(self, name: str, *values: str) -> Headers:
        """Give a copy in which `values` stand where the first field of that name stood (or at the end)."""
        items: list[tuple[str, str]] = []
        fresh = [(name, value) for value in values]
        for item in self.items:
            if item[0] != name:
                items.append(item)
                continue
            items += fresh
            fresh = []
        return Headers(items + fresh)


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value (RFC 3261 20.42, RFC 3581)."""

    transport: str
    host: str
    port: int = 0
    params: Params = ()

    def __str__(self) -> str:
        """Write the value."""
        port = f":{self.port}" if self.port else ""
        return f"SIP/2.0/{self.transport} {self.host}{port}{write_params(self.params)}"

    @property
    def branch(self) -> str:
        """The transaction's branch, "" when missing."""
        return param(self.params, "branch") or ""

    @property
    def sent_by(self) -> str:
        """Host and port as the client wrote them; part of a transaction's key (17.2.3)."""
        return f"{self.host.lower()}:{self.port}"

    @property
    def wants_rport(self) -> bool:
        """The client asks for symmetric response routing (RFC 3581)."""
        return param(self.params, "rport") is not None


def parse_via(text: str) -> Via:
    """Read one Via value.

    Raises:
        ValueError: malformed.
    """
    found = _VIA.fullmatch(text.strip(" \t"))
    if not found:
        raise ValueError("malformed Via")
    transport, host, port, params = found.groups()
    if port and int(port) >= _PORT_LIMIT:
        raise ValueError("port out of range")
    return Via(transport.upper(), host, int(port or 0), parse_params((params or "").rstrip(" \t")))


@dataclass(frozen=True, slots=True)
class CSeq:
    """Sequence number and method of a request."""

    number: int
    method: str

    def __str__(self) -> str:
        """Write the value."""
        return f"{self.number} {self.method}"


def parse_cseq(text: str) -> CSeq:
    """Read a CSeq value; numbers end below 2**31 (RFC 3261 8.1.1.5).

    Raises:
        ValueError: malformed or out of range.
    """
    found = _CSEQ.fullmatch(text)
    if not found:
        raise ValueError("malformed CSeq")
    number = int(found[1])
    if number >= CSEQ_LIMIT:
        raise ValueError("CSeq out of range")
    return CSeq(number, found[2])


def seconds(text: str, limit: int = 2**32 - 1) -> int | None:
    """Read delta-seconds of Expires, Retry-After, Min-Expires: None when malformed, capped at `limit`."""
    digits = text.partition(";")[0].partition("(")[0].strip()
    if not digits.isascii() or not digits.isdigit():
        return None
    return min(int(digits), limit) if len(digits) <= 10 else limit  # noqa: PLR2004  # longer than any limit
