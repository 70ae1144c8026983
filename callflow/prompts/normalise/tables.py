"""What the shared rules need to know of a language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Rule = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Speech:
    """A language's own rules and words.

    Args:
        language: two-letter code.
        rules: applied in this order, after telephone numbers and before plain numbers.
        decimal: the decimal mark.
        decimal_word: how it is read.
        symbols: sign -> word.
    """

    language: str
    rules: tuple[Rule, ...]
    decimal: str
    decimal_word: str
    symbols: Mapping[str, str] = field(default_factory=dict)


def short_forms(words: Mapping[str, str]) -> Rule:
    """Return a rule that writes short forms out; longer ones win, and they stand as words of their own."""
    table = {_flat(short): long for short, long in words.items()}
    longest_first = sorted(words, key=len, reverse=True)
    pattern = re.compile(
        r"(?<![\w.])(?:"
        + "|".join(_loose(short) for short in longest_first)
        + r")(?!\w)(?=(\s*$|\s+[A-ZÄÖÜ]))?"
    )

    def written_out(found: re.Match[str]) -> str:
        return table[_flat(found[0])]

    return lambda text: pattern.sub(written_out, text)


def _flat(short: str) -> str:
    return re.sub(r"\s+", "", short)


def _loose(short: str) -> str:
    """Return a pattern that takes "z.B." for "z. B."."""
    return r"\s?".join(re.escape(part) for part in short.split(" "))
