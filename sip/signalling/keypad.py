"""Keys told by SIP INFO: application/dtmf-relay and application/dtmf.

No RFC describes these bodies (RFC 6086 calls them legacy uses of INFO); they are Cisco's, and PBXs agree on
them. The numbers 10 to 15 stand for `*#ABCD`, as in RFC 4733 3.2.
"""

from __future__ import annotations

import re

_SIGNAL = re.compile(r"^\s*Signal\s*=\s*([0-9A-D*#]|1[0-5])\s*$", re.IGNORECASE | re.MULTILINE)
_DURATION = re.compile(r"^\s*Duration\s*=\s*([0-9]{1,5})\s*$", re.IGNORECASE | re.MULTILINE)
_PLAIN = re.compile(r"\s*(?:Signal=)?([0-9A-D*#]|1[0-5])\s*", re.IGNORECASE)
_BY_NUMBER = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_USUAL_MS = 250


def key_of(content_type: str, body: bytes) -> tuple[str, int] | None:
    """Read a key press.

    Returns:
        The key out of `0-9*#ABCD` and its length in milliseconds; None for any other body.
    """
    kind = content_type.partition(";")[0].strip().lower()
    text = body[:256].decode("ascii", "replace")
    if kind == "application/dtmf-relay":
        found, length = _SIGNAL.search(text), _DURATION.search(text)
    elif kind == "application/dtmf":
        found, length = _PLAIN.fullmatch(text), None
    else:
        return None
    if not found:
        return None
    key = _BY_NUMBER.get(found[1], found[1].upper())
    return key, int(length[1]) if length else _USUAL_MS
