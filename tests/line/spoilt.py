"""Valid INVITEs that few write so."""

from __future__ import annotations

from collections.abc import Callable

SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "compact": lambda raw: raw.replace(b"\r\nVia:", b"\r\nv:").replace(b"\r\nCall-ID", b"\r\ni"),
    "lower-case": lambda raw: raw.replace(b"\r\nContact: ", b"\r\ncontact: "),
    "latin-1": lambda raw: raw.replace(b"From: <", b'From: "J\xf6rg" <'),
    "no-space": lambda raw: raw.replace(b"To: ", b"To:"),
}
