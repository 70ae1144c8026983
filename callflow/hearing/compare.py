"""What was heard beside what was said, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from callflow.prompts.normalise import normalise

_APART = re.compile(r"(?<=\d)[-–.](?=\d)")  # a listener writes "1-1-2" for digits one by one
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Words that differ.

    Args:
        said: how many words were said.
        wrong: how many of them were heard otherwise, missed or added.
        differences: "said > heard" for each place.
    """

    said: int
    wrong: int
    differences: tuple[str, ...]


def compare(said: str, heard: str, language: str) -> Comparison:
    """Compare two texts as they sound: numbers as words, without case and punctuation."""
    ours, theirs = _words(said, language), _words(_APART.sub(" ", heard), language)
    steps = SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
    pairs = [(ours[a:b], theirs[c:d]) for step, a, b, c, d in steps if step != "equal"]
    return Comparison(
        said=len(ours),
        wrong=sum(max(len(one), len(other)) for one, other in pairs),
        differences=tuple(f"{' '.join(one)} > {' '.join(other)}" for one, other in pairs),
    )


def _words(text: str, language: str) -> list[str]:
    return _WORD.findall(normalise(text, language).lower())
