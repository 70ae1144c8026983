"""Session timers: both sides notice a dead call (RFC 4028)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sip.signalling.headers import Headers, seconds
from sip.signalling.uri import param, parse_params

Role = Literal["uac", "uas"]
SHORTEST_S = 90  # RFC 4028 4: nobody may demand less


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides agreed on: the interval in seconds, and whether we are the one to refresh."""

    expires_s: int
    ours: bool

    @property
    def wait_s(self) -> float:
        """Seconds until we refresh (half-time), or give the call up (section 10)."""
        if self.ours:
            return self.expires_s / 2
        return self.expires_s - min(32, self.expires_s / 3)


def too_small(headers: Headers, least_s: int) -> bool:
    """Tell whether a request demands a shorter interval than we accept: 422 (section 9)."""
    wanted, _ = read(headers)
    return wanted is not None and wanted < max(least_s, SHORTEST_S)


def read(headers: Headers) -> tuple[int | None, str]:
    """Read Session-Expires: seconds (None when absent or malformed) and refresher."""
    value, semicolon, rest = headers.get("Session-Expires").partition(";")
    try:
        refresher = param(parse_params(semicolon + rest), "refresher") or ""
    except ValueError:
        refresher = ""
    return seconds(value) if value else None, refresher.lower()


def answer(headers: Headers, wish_s: int) -> tuple[Terms | None, list[tuple[str, str]]]:
    """Choose the terms as UAS (section 9).

    Args:
        headers: the request's (INVITE or UPDATE).
        wish_s: interval that we ask for when the peer names none; 0 asks for none.

    Returns:
        The terms (None for no timer) and the fields of the 2xx.
    """
    wanted, refresher = read(headers)
    supported = "timer" in headers.tokens("Supported")
    if wanted is None and not wish_s:
        return None, []
    interval = wanted if wanted is not None else wish_s
    if not supported:
        # The peer knows no timers; only we can refresh, and it must not be required to.
        return Terms(interval, ours=True), [("Session-Expires", f"{interval};refresher=uas")]
    role: Role = "uas" if refresher == "uas" else "uac"
    fields = [("Session-Expires", f"{interval};refresher={role}")]
    if role == "uac":
        fields.append(("Require", "timer"))
    return Terms(interval, ours=role == "uas"), fields


def propose(terms: Terms | None, wish_s: int, least_s: int) -> list[tuple[str, str]]:
    """Write the fields of our INVITE or UPDATE; none when no timer is wished.

    A session that has terms asks for the same again, interval and roles (section 7.4).

    Args:
        terms: those in force.
        wish_s: interval that we ask for without terms, 0 for none.
        least_s: our own least, or the largest that a 422 has demanded in this call (section 7.3).
    """
    interval = terms.expires_s if terms else wish_s
    if not interval:
        return []
    role = "" if terms is None else f";refresher={'uac' if terms.ours else 'uas'}"
    least = [("Min-SE", str(least_s))] if least_s > SHORTEST_S else []
    return [("Session-Expires", f"{max(interval, least_s)}{role}"), *least]


def settled(headers: Headers, wish_s: int) -> Terms | None:
    """Read the terms from the 2xx to our request as UAC (section 7.2).

    A 2xx without Session-Expires comes from a peer without timers: then we refresh ourselves.
    """
    interval, refresher = read(headers)
    if interval is None:
        return Terms(wish_s, ours=True) if wish_s else None
    return Terms(max(interval, SHORTEST_S), ours=refresher != "uas")


def demanded(headers: Headers) -> int | None:
    """Read Min-SE of a 422: the interval to ask for next; None when it tells none."""
    return seconds(headers.get("Min-SE"))
