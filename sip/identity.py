"""Who calls: P-Asserted-Identity, Remote-Party-ID, From and Privacy (RFC 3323, 3325)."""

from __future__ import annotations

from dataclasses import dataclass


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
