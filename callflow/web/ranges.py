"""Parts of a content, as players ask for them (RFC 9110, section 14): one range of bytes, or the whole."""

from __future__ import annotations

import re

from starlette.responses import Response

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def ranged(content: bytes, media_type: str, wanted: str | None, headers: dict[str, str]) -> Response:
    """Return the answer to a request with this `Range` header (None without one).

    Several ranges at once, and what we cannot read, get the whole, as the RFC allows.
    """
    headers = headers | {"Accept-Ranges": "bytes"}
    found = _RANGE.fullmatch(wanted.replace(" ", "")) if wanted else None
    if found is None or not (found[1] or found[2]):
        return Response(content, media_type=media_type, headers=headers)
    span = _span(found[1], found[2], len(content))
    if span is None:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(content)}"})
    first, last = span
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, media_type=media_type, headers=headers)


def _span(first: str, last: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte, None if there are none such."""
    begin = int(first) if first else max(size - int(last), 0)
    end = min(int(last), size - 1) if first and last else size - 1
    return (begin, end) if begin <= end else None
