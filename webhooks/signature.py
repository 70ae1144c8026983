"""Is a request really Twilio's? Checked against the configured public address, never the Host header.

Source: Twilio, "Webhooks security" (X-Twilio-Signature, bodySHA256 for bodies that are no form).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, parse_qsl

from fastapi import HTTPException, Request
from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator

FORM = "application/x-www-form-urlencoded"
LONGEST_BODY = 65_536  # bytes; Twilio's own requests stay far below


class Signature:
    """Checks requests of one account.

    Args:
        token: the account's auth token.
        public_url: scheme, host and optional port and path that Twilio was given, without a slash at its end.
    """

    def __init__(self, token: str, public_url: str) -> None:
        self._validator = RequestValidator(token)
        self._public_url = public_url.rstrip("/")

    async def __call__(self, request: Request) -> dict[str, str]:
        """Return the request's fields (query and form) if its signature holds.

        Raises:
            HTTPException: 403 when the signature is missing or wrong, 413 when the body is too large.
        """
        body = await _body(request)
        if not self.holds(_path(request), request.headers, body):
            raise HTTPException(403, "signature missing or wrong")
        return dict(request.query_params) | (_fields(body) if _is_form(request.headers) else {})

    def holds(self, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Say whether the signature fits `path` (with its query string) and `body`.

        A form is signed with its fields, any other body by the hash that the query carries; a form with
        such a hash, or another body without one, is no request of Twilio's.
        """
        signature = headers.get("x-twilio-signature", "")
        text = _text(body)
        if not signature or text is None:
            return False
        url = self._public_url + path
        hashed = "bodySHA256" in parse_qs(path.partition("?")[2])
        if _is_form(headers):
            # Repeated fields are signed each; a plain dict of lists makes the SDK raise.
            fields = ImmutableMultiDict(parse_qsl(text, keep_blank_values=True))
            return not hashed and bool(self._validator.validate(url, fields, signature))
        if body and not hashed:
            return False
        return bool(self._validator.validate(url, text if hashed else {}, signature))


def _is_form(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _fields(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _path(request: Request) -> str:
    raw = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope["query_string"]
    return bytes(raw).decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")


async def _body(request: Request) -> bytes:
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > LONGEST_BODY:
            raise HTTPException(413, "body too large")
    return bytes(parts)
