"""Telephone numbers as Germans group them: area code, then twos, an odd count beginning with a three."""

from __future__ import annotations

import re

from callflow import numbers

_E164 = re.compile(r"\+\d{5,15}")
_DIGITS = re.compile(r"\d+")
_THREE = 3


def groups(text: str) -> tuple[str, ...]:
    """Return the groups of digits of a number or code.

    `text` is E.164 ("+493514567890"), a written number ("0351 456 78 90") or a code ("482913"). The
    area code stays whole; what follows it is cut into twos, beginning with a three if the count is odd.
    """
    if _E164.fullmatch(text):
        text = numbers.written(text).replace("+", "00")
    blocks = _DIGITS.findall(text)
    if not blocks:
        return ()
    if len(blocks) == 1:
        return twos(blocks[0])
    return (blocks[0], *twos("".join(blocks[1:])))


def twos(digits: str) -> tuple[str, ...]:
    """Cut "4567890" into ("456", "78", "90")."""
    if len(digits) <= _THREE:
        return (digits,)
    first = _THREE if len(digits) % 2 else 2
    return (digits[:first], *(digits[at : at + 2] for at in range(first, len(digits), 2)))
