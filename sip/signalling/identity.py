"""Who calls: P-Asserted-Identity, Remote-Party-ID, From and Privacy (RFC 3323, 3325)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sip.signalling.headers import Headers
from sip.signalling.message import Request
from sip.signalling.uri import NameAddr, param, parse_name_addr

_WITHHELD_USERS = frozenset({"", "anonymous", "unknown", "unavailable", "restricted", "withheld"})
_HISTORY_DIVERTED = re.compile(
    r"(?:;|\?|&)(?:cause=30[0-9]|cause=48[0-9]|cause=408)|reason=sip", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Identity:
    """The calling party as the wire tells it.

    Args:
        number: user part, raw ("0171...", "+49171...", "anonymous" becomes ""); "" when withheld.
        name: display name, "" when none or withheld.
        withheld: the caller asked for privacy.
        source: header that told it: "pai", "rpid" or "from".
    """

    number: str = ""
    name: str = ""
    withheld: bool = False
    source: str = "from"


def identify(message: Request, *, trusted: bool) -> Identity:
    """Tell who calls.

    Args:
        message: the INVITE.
        trusted: the peer may assert identities; otherwise From alone counts (RFC 3325 9.1).
    """
    asserted, source = (_asserted(message.headers) if trusted else None), "pai"
    if asserted is None and trusted:
        asserted, source = _remote_party(message.headers), "rpid"
    if asserted is None:
        asserted, source = message.sender, "from"
    number = asserted.uri.name
    withheld = (
        _private(message.headers)
        or (param(asserted.params, "privacy") or "off") not in {"off", "none"}
        or number.lower() in _WITHHELD_USERS
        or message.sender.uri.host == "anonymous.invalid"
    )
    if withheld:
        return Identity("", "", withheld=True, source=source)
    return Identity(number, readable(asserted.display), withheld=False, source=source)


def _asserted(headers: Headers) -> NameAddr | None:
    """Prefer the tel or numeric identity: a header may carry one sip and one tel URI (RFC 3325 9.1)."""
    found = _read(headers, "P-Asserted-Identity")
    numeric = [address for address in found if address.uri.name.lstrip("+").isdigit()]
    return next(iter(numeric or found), None)


def _remote_party(headers: Headers) -> NameAddr | None:
    for address in _read(headers, "Remote-Party-Id"):
        if (param(address.params, "party") or "calling") == "calling":
            return address
    return None


def _read(headers: Headers, name: str) -> list[NameAddr]:
    found = []
    try:
        for value in headers.values(name):
            found.append(parse_name_addr(value))  # noqa: PERF401  # what was read before a fault counts
    except ValueError:
        return found
    return found


def _private(headers: Headers) -> bool:
    wishes = {wish.strip().lower() for value in headers.all("Privacy") for wish in value.split(";")}
    return bool(wishes & {"id", "user", "header"})


def diverted_from(message: Request) -> str:
    """Give the user part of the number that was dialled first: Diversion (RFC 5806), else History-Info.

    Diversion lists the latest first, so the last one is what the caller dialled; History-Info the other
    way round (RFC 7044).
    """
    diversions = _read(message.headers, "Diversion")
    if diversions:
        return diversions[-1].uri.name
    history = _read(message.headers, "History-Info")
    if len(history) > 1 and any(
        _HISTORY_DIVERTED.search(value) for value in message.headers.all("History-Info")
    ):
        return history[0].uri.name
    return ""


def readable(text: str) -> str:
    """Give a display name that came as latin-1 as people read it; control characters are dropped."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogateescape").decode("latin-1")
    return "".join(char for char in text if char.isprintable())[:128]
