"""How many SMS a text takes (3GPP TS 23.038 for the alphabets, TS 23.040 for concatenation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# 3GPP TS 23.038, section 6.2.1: default alphabet without escape, and its extension table (two septets each).
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_GSM7 = (160, 153)  # characters of a lone SMS, and of each part of a longer one
_UCS2 = (70, 67)


@dataclass(frozen=True, slots=True)
class Size:
    """What a text costs.

    Args:
        encoding: alphabet it needs.
        units: septets, or UTF-16 code units.
        segments: messages that are charged.
        strange: characters that force UCS-2, in order of appearance.
    """

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int
    strange: str = ""


def count(text: str) -> Size:
    """Return the size of a text."""
    strange = "".join(dict.fromkeys(each for each in text if each not in _BASIC and each not in _EXTENDED))
    if strange:
        widths = [len(each.encode("utf-16-be")) // 2 for each in text]
        return Size("UCS-2", sum(widths), _parts(widths, _UCS2), strange)
    widths = [2 if each in _EXTENDED else 1 for each in text]
    return Size("GSM-7", sum(widths), _parts(widths, _GSM7))


def _parts(widths: list[int], limits: tuple[int, int]) -> int:
    lone, part = limits
    if sum(widths) <= lone:
        return 1
    parts, room = 1, part
    for width in widths:
        if width > room:  # an escaped character or surrogate pair is never split
            parts, room = parts + 1, part
        room -= width
    return parts
