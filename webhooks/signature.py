"""Is a request really Twilio's? Checked against the configured public address, never the Host header.

Source: Twilio, "Webhooks security" (X-Twilio-Signature, bodySHA256 for bodies that are no form). The same
judgement as the SDK's `RequestValidator`, which the tests hold beside it, at a tenth of its cost.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qs, parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope

FORM = "application/x-www-form-urlencoded"
LONGEST_BODY = 65_536  # bytes; Twilio's own requests stay far below
_DEFAULT_PORTS = {"https": 443, "http": 80}
Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Post:
    """A request whose signature holds.

    Args:
        fields: of query and form; the form's come before those of the query.
        query: of the address alone, which is our own work.
    """

    fields: Fields
    query: Fields


class Signature:
    """Checks requests of one account.

    Args:
        token: the account's auth token.
        public_url: scheme, host and optional port and path that Twilio was given, without a slash at its end.
    """

    def __init__(self, token: str, public_url: str) -> None:
        self._token = token.encode()
        self._bases = _with_and_without_port(public_url.rstrip("/"))

    async def post(self, scope: Scope, receive: Receive) -> Post:
        """Read a request and return what it says, if its signature holds.

        Raises:
            HTTPException: 403 when the signature is missing or wrong, 413 when the body is too large.
        """
        body = await body_of(receive)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, query = _address(scope)
        if not self.holds(path, headers, body):
            raise HTTPException(403, "signature missing or wrong")
        asked = dict(parse_qsl(query, keep_blank_values=True))
        return Post(asked | (_fields(body) if _is_form(headers) else {}), asked)

    def holds(self, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Say whether the signature fits `path` (with its query string) and `body`.

        A form is signed with its fields, any other body by the hash that the query carries; a form with
        such a hash, or another body without one, is no request of Twilio's.
        """
        signature = headers.get("x-twilio-signature", "")
        text = _text(body)
        if not signature or text is None:
            return False
        hashed = parse_qs(path.partition("?")[2]).get("bodySHA256", []) if "bodySHA256" in path else []
        if _is_form(headers):
            return not hashed and self._fits(path + _signed_fields(text), signature)
        if hashed and not hmac.compare_digest(sha256(body).hexdigest().encode(), hashed[0].encode()):
            return False
        return bool(hashed or not body) and self._fits(path, signature)

    def _fits(self, signed: str, signature: str) -> bool:
        given = signature.encode()
        # Twilio signs the default port or leaves it out (its own word for it: inconsistent).
        return any(
            hmac.compare_digest(b64encode(hmac.digest(self._token, (base + signed).encode(), "sha1")), given)
            for base in self._bases
        )


def _signed_fields(form: str) -> str:
    # Each distinct pair once, by name and then by value, run together.
    pairs = sorted(set(parse_qsl(form, keep_blank_values=True)))
    return "".join(name + value for name, value in pairs)


def _with_and_without_port(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)
    other = host if parts.port else f"{host}:{port}"
    return url, parts._replace(netloc=other).geturl()


def _is_form(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _fields(body: bytes) -> Fields:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _address(scope: Scope) -> tuple[str, str]:
    """Return path and query string as they came over the wire, and the query string alone."""
    raw = bytes(scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = bytes(scope["query_string"]).decode("latin-1")
    return raw + (f"?{query}" if query else ""), query


async def body_of(receive: Receive) -> bytes:
    """Return a request's body; HTTPException 413 when it is too large."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, "body too large")
    return body
