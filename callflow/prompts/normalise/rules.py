"""The order in which a language's rules are applied, and the rules that all languages share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache

from callflow.prompts.normalise import english, german, romance
from callflow.prompts.normalise.phone import groups
from callflow.prompts.normalise.tables import Speech
from callflow.prompts.normalise.words import LARGEST, cardinal, digit_words

LANGUAGES: Mapping[str, Speech] = {
    "de": german.SPEECH,
    "en": english.SPEECH,
    "fr": romance.FRENCH,
    "it": romance.ITALIAN,
    "es": romance.SPANISH,
}

_TAG = re.compile(r"<[^<>]{0,200}>")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\ue000-\uf8ff]")
_EMERGENCY = re.compile(r"(?<![\d+/-])(?:11[02]|116[ ]?11[67])(?![\d/-]|[.,:]\d|\s?%|\s?€)")
_PHONE = re.compile(
    r"(?<![\w+.,:])(?:\+|00)\d{1,3}(?:\s?\(0\))?(?:[\s/-]{0,3}\d+){1,6}(?![\w:])|"
    r"(?<![\w+.,:])\(?0\d{2,5}\)?(?:[ \u00a0/-]{1,3}\d+){1,6}(?![\w:])|"
    r"(?<![\w+.,:])0\d{5,14}(?![\w:])"
)
_DECIMAL = re.compile(r"(?<!\d)(\d{1,6})([.,])(\d+)(?![\d.,]?\d)")
_LEFT = re.compile(r"\d+")
_SPACE = re.compile(r"\s+")
_BEFORE_MARK = re.compile(r"\s+([.,;:!?])")


@lru_cache(maxsize=2048)
def normalise(text: str, language: str) -> str:
    """Return `text` as a voice of `language` must read it; never raises.

    A language without rules gets its markup removed and is otherwise left to its voice.
    """
    clean = tidy(text)
    speech = LANGUAGES.get(language)
    if speech is None:
        return clean
    for rule in (*_first(speech), *speech.rules, *_last(speech)):
        clean = rule(clean)
    return _BEFORE_MARK.sub(r"\1", _SPACE.sub(" ", clean)).strip()


def tidy(text: str) -> str:
    """Return `text` composed (NFC), without tags, control and invisible characters."""
    plain = _CONTROL.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFC", text)))
    bare = _TAG.sub(" ", plain)
    return _SPACE.sub(" ", bare.replace("<", " ").replace(">", " ")).strip()


def _first(speech: Speech) -> tuple[Callable[[str], str], ...]:
    return (lambda text: _emergencies(text, speech.language), lambda text: _phones(text, speech.language))


def _last(speech: Speech) -> tuple[Callable[[str], str], ...]:
    return (
        lambda text: _decimals(text, speech),
        lambda text: _LEFT.sub(lambda found: f" {_count(found[0], speech.language)} ", text),
        lambda text: _symbols(text, speech.symbols),
    )


def _emergencies(text: str, language: str) -> str:
    """Write 112 and 116117 digit by digit: nobody dials "hundertzwölf"."""
    return _EMERGENCY.sub(lambda found: _spelled(found[0], language), text)


def _spelled(digits: str, language: str) -> str:
    bare = digits.replace(" ", "")
    parts = [bare] if len(bare) == 3 else [bare[:3], bare[3:]]  # noqa: PLR2004 - 116 117 is read in threes
    return ", ".join(" ".join(digit_words(part, language)) for part in parts)


def _phones(text: str, language: str) -> str:
    return _PHONE.sub(lambda found: _phone(found[0], language), text)


def _phone(written: str, language: str) -> str:
    compact = "+" + re.sub(r"\(0\)|\D", "", written) if written.startswith("+") else written
    return ", ".join(" ".join(digit_words(group, language)) for group in groups(compact)) + " "


def _decimals(text: str, speech: Speech) -> str:
    def spoken(found: re.Match[str]) -> str:
        whole, mark, rest = found[1], found[2], found[3]
        if mark != speech.decimal:  # a thousands mark
            return _count(whole + rest, speech.language) if len(rest) == 3 else found[0]  # noqa: PLR2004
        tail = " ".join(digit_words(rest, speech.language))
        return f"{_count(whole, speech.language)} {speech.decimal_word} {tail}"

    return _DECIMAL.sub(spoken, text)


def _count(digits: str, language: str) -> str:
    """Read a plain run of digits: a number, or digit by digit when it is a code."""
    plain = "".join(str(int(digit)) for digit in digits)  # other scripts' digits, too
    if (len(plain) > 1 and plain.startswith("0")) or int(plain) > LARGEST:
        return ", ".join(" ".join(digit_words(group, language)) for group in groups(plain))
    return cardinal(int(plain), language)


def _symbols(text: str, words: Mapping[str, str]) -> str:
    for sign, word in words.items():
        text = text.replace(sign, f" {word} ")
    return text
