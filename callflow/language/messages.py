"""The checker's words, German and English: messages.<language>.toml beside this file."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import NamedTuple

LANGUAGES = ("de", "en")


class Words(NamedTuple):
    """One problem's words; `{...}` are filled in.

    Args:
        what: what is wrong.
        why: why it matters to the caller.
        hint: how to mend it.
    """

    what: str
    why: str
    hint: str


def _read(language: str) -> dict[str, Words]:
    text = resources.files(__package__).joinpath(f"messages.{language}.toml").read_text(encoding="utf-8")
    return {code: Words(**words) for code, words in tomllib.loads(text).items()}


def _catalogue() -> dict[str, dict[str, Words]]:
    read = {language: _read(language) for language in LANGUAGES}
    codes = dict.fromkeys(code for words in read.values() for code in words)
    return {code: {name: words[code] for name, words in read.items() if code in words} for code in codes}


MESSAGES = _catalogue()
"""Code -> language -> words."""
