"""Sounds that nobody speaks: hold music and the beep before a recording.

The music is our own (public domain): a slow arpeggio, quiet enough to talk over, without any rights society.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from callflow import g711
from callflow.prompts.sound import Wave, pad, to_level

MUSIC_DBFS = -30.0  # ten dB under speech: a person who holds the phone for minutes is spared
BEEP_DBFS = -22.0
_NOTE_S = 0.6
_BAR = (0, 2, 4, 7, 4, 2)  # steps on the chord's scale
_CHORDS = (220.0, 174.61, 261.63, 196.0)  # A minor, F, C, G: roots in hertz
_SCALES = {220.0: (0, 3, 7, 10), 174.61: (0, 4, 7, 11), 261.63: (0, 4, 7, 11), 196.0: (0, 4, 7, 9)}
_ROUNDS = 3


def make(name: str) -> Wave:
    """Return the sound `name` at 8 kHz, whole frames.

    Raises:
        KeyError: no such sound.
    """
    return SOUNDS[name]()


def music() -> Wave:
    """Return about 45 s of hold music that can be repeated without a seam."""
    notes = [
        root * 2 ** (_semitones(root, step) / 12) for _ in range(_ROUNDS) for root in _CHORDS for step in _BAR
    ]
    length = round(_NOTE_S * g711.RATE)
    ring = 3 * length
    wave = np.zeros(len(notes) * length)
    for index, note in enumerate(notes):
        places = (index * length + np.arange(ring)) % len(wave)  # the last notes ring on into the repetition
        wave[places] += _bell(note, ring)
    return pad(to_level(wave, MUSIC_DBFS), 0, 0)


def beep() -> Wave:
    """Return 250 ms of 1 kHz."""
    seconds = np.arange(g711.RATE // 4) / g711.RATE
    ramp = np.minimum(1, np.minimum(seconds, seconds[::-1]) / 0.01)
    return pad(to_level(np.sin(2 * np.pi * 1000 * seconds) * ramp, BEEP_DBFS), 100, 50)


def _semitones(root: float, step: int) -> int:
    octave, degree = divmod(step, 4)
    return 12 * octave + _SCALES[root][degree]


def _bell(hertz: float, length: int) -> Wave:
    """Return a soft struck note: two partials, slow attack, exponential decay to nothing."""
    seconds = np.arange(length) / g711.RATE
    attack = np.minimum(1, seconds / 0.03)
    decay = np.exp(-2.2 * seconds) * np.linspace(1, 0, length)
    tone = np.sin(2 * np.pi * hertz * seconds) + 0.3 * np.sin(2 * np.pi * 2 * hertz * seconds)
    return np.asarray(tone * attack * decay)


SOUNDS: Mapping[str, Callable[[], Wave]] = {"music": music, "beep": beep}
