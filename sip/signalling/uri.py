"""SIP addresses: URI and name-addr (RFC 3261 19.1, 20.10, 25.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote as escape
from urllib.parse import unquote

from sip.addresses import beside

Params = tuple[tuple[str, str | None], ...]

_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?::([0-9]{1,5}))?")
# Control characters, space, quotes and angle brackets stand in no URI (RFC 3261 25.1).
_FORBIDDEN = re.compile(r'[\x00-\x20"<>\x7f]')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_KEPT = 512  # every message of a call names the same few addresses: they are read once
_ZONE = re.compile(r"%[A-Za-z0-9._\-]+(?=\])")
_NUMBER = re.compile(r"\+?[0-9*#().\-]+")


@dataclass(frozen=True, slots=True)
class Uri:
    """A parsed URI; `rest` holds everything after the colon of a scheme that is not SIP's.

    A host may name an interface of ours ("[fe80::1%eth0]") for us to know; it is not written.
    """

    scheme: str
    user: str = ""
    host: str = ""
    port: int = 0
    params: Params = ()
    headers: str = ""
    rest: str = ""

    def __str__(self) -> str:
        """Write the URI as the wire has it."""
        if self.scheme not in {"sip", "sips"}:
            return f"{self.scheme}:{self.rest}"
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        headers = f"?{self.headers}" if self.headers else ""
        host = self.host if "%" not in self.host else f"{self.host.partition('%')[0]}]"
        return f"{self.scheme}:{user}{host}{port}{write_params(self.params)}{headers}"

    def param(self, name: str) -> str | None:
        """Give a URI parameter's value: None when absent, "" when it has no value."""
        return param(self.params, name)

    @property
    def name(self) -> str:
        """The user part as a person or a dial plan reads it: unescaped, without password and parameters."""
        if self.scheme == "tel":
            return self.rest.partition(";")[0]
        return unquote(self.user.partition(":")[0]).partition(";")[0]

    def beside(self, near: str) -> Uri:
        """Reach a link-local host that names no interface over that of another address."""
        host = self.host.strip("[]")
        found = beside(host, near)
        return self if found == host else replace(self, host=f"[{found}]")

    def bare(self) -> Uri:
        """Drop what does not identify: parameters and headers."""
        return replace(self, params=(), headers="")


@dataclass(frozen=True, slots=True)
class NameAddr:
    """Display name, URI and header parameters, as From, To, Contact and Route carry them."""

    uri: Uri
    display: str = ""
    params: Params = ()

    def __str__(self) -> str:
        """Write it with quotes and angle brackets, whatever form it came in."""
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{write_params(self.params)}"

    @property
    def tag(self) -> str:
        """The tag, "" when there is none."""
        return param(self.params, "tag") or ""


def user_part(text: str) -> str:
    """Escape a number or name for the user part of a URI ("*21#" -> "*21%23")."""
    return escape(text, safe="+*-_.!~'()&=$,;?/")


def param(params: Params, name: str) -> str | None:
    """Look a parameter up by its lower-case name."""
    for key, value in params:
        if key == name:
            return "" if value is None else value
    return None


def write_params(params: Params) -> str:
    """Write `;name=value` pairs."""
    return "".join(f";{key}" if value is None else f";{key}={value}" for key, value in params)


def quote(text: str) -> str:
    """Write a quoted-string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def parse_params(text: str) -> Params:
    """Read `;name=value` pairs; `text` is empty or starts with a semicolon.

    Raises:
        ValueError: an empty parameter, or a quote that does not end.
    """
    if not text:
        return ()
    if text[0] != ";":
        raise ValueError("parameters begin with a semicolon")
    parts = text[1:].split(";") if '"' not in text else split_quoted(text[1:], ";")
    return tuple(_pair(part) for part in parts)


def _pair(part: str) -> tuple[str, str | None]:
    key, equals, value = part.partition("=")
    key = key.strip(" \t").lower()
    if not key or "<" in key or ">" in key:
        raise ValueError("empty parameter")
    return key, value.strip(" \t") if equals else None


def split_quoted(text: str, separator: str) -> list[str]:
    """Split at separators that stand outside quoted strings and angle brackets.

    Raises:
        ValueError: a quote that does not end.
    """
    if '"' not in text and "<" not in text:
        return text.split(separator)
    parts: list[str] = []
    start = at = 0
    inside = False
    while at < len(text):
        char = text[at]
        if char == '"':
            at = _quoted_end(text, at)
            continue
        if char == "<":
            inside = True
        elif char == ">":
            inside = False
        elif char == separator and not inside:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    parts.append(text[start:])
    return parts


def _quoted_end(text: str, at: int) -> int:
    found = _QUOTED.match(text, at)
    if not found:
        raise ValueError("unterminated quoted string")
    return found.end()


@lru_cache(_KEPT)
def parse_uri(text: str) -> Uri:
    """Read a URI.

    Raises:
        ValueError: not a URI, or a SIP URI with a malformed host or port.
    """
    if _FORBIDDEN.search(text):
        raise ValueError("forbidden character in URI")
    scheme, colon, rest = text.partition(":")
    if not colon or not rest or not _SCHEME.fullmatch(scheme):
        raise ValueError("not a URI")
    scheme = scheme.lower()
    if scheme not in {"sip", "sips"}:
        return Uri(scheme, rest=rest)
    user, _, place = rest.rpartition("@")
    place, _, headers = place.partition("?")
    found = _HOST_PORT.match(place)
    if not found:
        raise ValueError("malformed host")
    host, port = found.groups()
    if port and int(port) > 65535:  # noqa: PLR2004  # the largest port there is
        raise ValueError("port out of range")
    params = parse_params(place[found.end() :])
    return Uri(scheme, user, host.lower(), int(port or 0), params, headers)


def parse_own(text: str) -> Uri:
    """Read a URI that our own people wrote: unlike one of a message it may name an interface (RFC 4007 11).

    Raises:
        ValueError: as `parse_uri`.
    """
    found = _ZONE.search(text)
    if not found:
        return parse_uri(text)
    return parse_uri(text[: found.start()] + text[found.end() :]).beside(found[0])


@lru_cache(_KEPT)
def parse_name_addr(text: str) -> NameAddr:
    """Read one name-addr or addr-spec with header parameters.

    Raises:
        ValueError: malformed; also an addr-spec whose own comma or question mark needed angle brackets
            (RFC 3261 20.10).
    """
    text = text.strip(" \t")
    display = ""
    if text.startswith('"'):
        end = _quoted_end(text, 0)
        display = _ESCAPED.sub(r"\1", text[1 : end - 1])
        text = text[end:].lstrip(" \t")
        if not text.startswith("<"):
            raise ValueError("display name without address")
    before, bracket, after = text.partition("<")
    if not bracket:
        return _addr_spec(text)
    if '"' in before:
        raise ValueError("unterminated quoted string")
    inner, close, tail = after.partition(">")
    if not close:
        raise ValueError("unterminated angle bracket")
    return NameAddr(parse_uri(inner), display or before.strip(" \t"), parse_params(tail.strip(" \t")))


def _addr_spec(text: str) -> NameAddr:
    spec, semicolon, tail = text.partition(";")
    spec = spec.rstrip(" \t")
    if "?" in spec or "," in spec:
        raise ValueError("address needs angle brackets")
    return NameAddr(parse_uri(spec), "", parse_params(semicolon + tail))


def is_number(text: str) -> bool:
    """Tell whether `text` can be dialled: digits with the usual visual separators."""
    return bool(_NUMBER.fullmatch(text))
