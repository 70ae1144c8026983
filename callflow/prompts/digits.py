"""Digits of telephone numbers and codes, composed of clips.

Pairs of digits are spoken in the tone that goes on, the last one in the tone that closes. So a caller's
number is a row of a few shared clips, and nothing personal rests in the cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from callflow.prompts.normalise.phone import groups
from callflow.prompts.normalise.words import digit_words
from callflow.prompts.sound import Sound, Wave, trim
from callflow.prompts.voice import Voice, VoiceError

GROUP_PAUSE_MS = 240
_PAIR = re.compile(r"\d{2}|\d")
_GAP_S = 0.06  # shortest silence between two phrases
_HUSH = 0.004  # amplitude, of full scale 1, that counts as silence between phrases


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
    if final:
        return voice.sentence(words, language)
    following = digit_words("1", language)[0]
    return _first_phrase(voice.sentence(f"{words}, {following}, {following}.", language))


def _first_phrase(sound: Sound) -> Sound:
    """Return what is spoken before the first pause: only before a comma does a voice keep its tone up."""
    wave = trim(sound.wave, sound.rate)
    gap = round(_GAP_S * sound.rate)
    silent = np.convolve(np.abs(wave) > _HUSH, np.ones(gap), mode="valid") == 0
    begins = np.flatnonzero(silent)
    if not len(begins):
        raise VoiceError("no pause after the first phrase")
    first: Wave = wave[: begins[0]]
    return Sound(first, sound.rate)
