"""Numbers as words in five languages; a thin shell around num2words, which knows their grammar."""

from __future__ import annotations

from functools import lru_cache

from num2words import num2words

LANGUAGES = ("de", "en", "fr", "it", "es")
LARGEST = 999_999  # longer digit strings are codes and read digit by digit


@lru_cache(maxsize=4096)
def cardinal(number: int, language: str) -> str:
    """Return 21 as "einundzwanzig"."""
    words = str(num2words(number, lang=language))
    return words.removeprefix("ein") if language == "de" and 100 <= number < 200 else words  # noqa: PLR2004


@lru_cache(maxsize=512)
def ordinal(number: int, language: str) -> str:
    """Return 3 as "dritte" (German without its case ending, see `german_ordinal`)."""
    return str(num2words(number, lang=language, to="ordinal"))


def german_ordinal(number: int, ending: str) -> str:
    """Return 3 with ending "n" as "dritten"."""
    return ordinal(number, "de") + ending


@lru_cache(maxsize=256)
def year(number: int, language: str) -> str:
    """Return a year as it is read aloud."""
    return str(num2words(number, lang=language, to="year"))


def digit_words(digits: str, language: str) -> tuple[str, ...]:
    """Return "01" as ("null", "eins"); German says "zwo" nowhere: patients write along."""
    return tuple(cardinal(int(digit), language) for digit in digits)
