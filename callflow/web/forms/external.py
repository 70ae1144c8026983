"""A form elsewhere (medflex, Doctolib, the practice's software): our link leads there, signed.

The address gets `rw_ref` (the link's reference), `rw_lang`, `rw_exp` (Unix time, end of validity) and
`rw_sig`: the hexadecimal HMAC-SHA256 over the query string of the three, in this order, with the practice's
form key. The reason is health data and stays out; a practice gives each reason its own address instead.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from callflow.store import Link


def signed(url: str, key: str, link: Link) -> str:
    """Return the external form's address for one link."""
    parameters = [
        ("rw_ref", link.id),
        ("rw_lang", link.language),
        ("rw_exp", str(int(link.expires_at.timestamp()))),
    ]
    parameters.append(("rw_sig", signature(key, urlencode(parameters))))
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *parameters])))


def signature(key: str, query: str) -> str:
    """Return what the external form compares `rw_sig` with."""
    return hmac.new(key.encode(), query.encode(), sha256).hexdigest()
