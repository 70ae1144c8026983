"""Digits of telephone numbers and codes, composed of clips.

Pairs of digits are spoken in the tone that goes on, the last one in the tone that closes. So a caller's
number is a row of a few shared clips, and nothing personal rests in the cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from callflow.prompts.normalise.phone import groups
from callflow.prompts.normalise.words import digit_words
from callflow.prompts.sound import Sound, trim
from callflow.prompts.voice import Voice

GROUP_PAUSE_MS = 240
_PAIR = re.compile(r"\d{2}|\d")
_WINDOW_S = 0.01
_GAP = 10  # windows of silence that may be the pause between two phrases
_HUSH = 0.01  # of the loudest window's level; less is silence
_ALIKE = (0.82, 1.15)  # a phrase before a comma lasts about as long as the same phrase at an end


@dataclass(frozen=True, slots=True)
class DigitPair:
    """One or two digits as they stand in a number; `pause_ms` of silence follow."""

    digits: str
    final: bool
    pause_ms: int


def pairs(text: str) -> tuple[DigitPair, ...]:
    """Cut a number or code into spoken pairs, grouped as Germans read it ("+49351..." as 0351 ...)."""
    cuts = [_PAIR.findall(group) for group in groups(text)]
    rows = [
        DigitPair(pair, final=False, pause_ms=GROUP_PAUSE_MS if index == len(group) - 1 else 60)
        for group in cuts
        for index, pair in enumerate(group)
    ]
    if not rows:
        return ()
    return (*rows[:-1], DigitPair(rows[-1].digits, final=True, pause_ms=0))


def speak(voice: Voice, digits: str, language: str, *, final: bool) -> Sound:
    """Speak one or two digits.

    Raises:
        VoiceError: the voice gave no sound.
    """
    words = " ".join(digit_words(digits, language))
    closing = _closing(voice, words, language)
    if final:
        return closing
    one = digit_words("1", language)[0]
    length = len(trim(closing.wave, closing.rate))
    for carrier in (f"{words}, {one}, {one}.", f"{words}, {one}.", f"{words}; {one}."):
        if phrase := _first_phrase(voice.sentence(carrier, language), length):
            return phrase
    return closing


@lru_cache(maxsize=4)
def _closing(voice: Voice, words: str, language: str) -> Sound:
    """Return the closing tone; both tones of the same digits are asked for one after the other."""
    return voice.sentence(words, language)


def _first_phrase(sound: Sound, length: int) -> Sound | None:
    """Return what is spoken before the first comma, where a voice keeps its tone up.

    Pauses and the closures of "t" and "k" look alike, and voices leave pauses out: the silence is taken that
    begins where a phrase of `length` samples would end; None if there is no such silence.
    """
    wave = trim(sound.wave, sound.rate)
    window = round(_WINDOW_S * sound.rate)
    levels = np.sqrt((wave[: len(wave) // window * window].reshape(-1, window) ** 2).mean(axis=1))
    silent = levels <= _HUSH * levels.max(initial=0.0)
    ends = [begin * window for begin, size in _runs(silent) if size >= _GAP]
    end = min(ends, key=lambda at: abs(at - length), default=0)
    shortest, longest = _ALIKE
    return Sound(wave[:end], sound.rate) if shortest * length <= end <= longest * length else None


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and length of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [(int(begin), int(end - begin)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
