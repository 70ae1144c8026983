"""Keys in the sound itself (DTMF, ITU-T Q.23 and Q.24), for lines without telephone-events.

Each block of sound is measured around the eight key frequencies. It is a key's block if one row and one
column stand out, are alike in level (twist) and carry nearly all of the sound's energy: voices are rich in
harmonics, tones are not. A key is counted when enough overlapping blocks in a row agree; speech does not do
that (talk-off).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callflow import g711
from sip.media.tones import COLUMNS_HZ, KEYPAD, ROWS_HZ

Matrix = NDArray[np.float32]

_BLOCK: Final = 204  # samples, 25.5 ms: narrow enough to part 697 from 770 Hz
_HOP: Final = 40  # samples, 5 ms
_QUIETEST: Final = (32768 * 10 ** (-36 / 20)) ** 2  # power; Q.24 asks for tones of -25 dBm and better
_PURITY: Final = 0.82  # part of the energy that the two tones must carry
_TWIST_DB: Final = 9.0  # column against row, either way; Q.24 asks for 4 and 8
_APART_DB: Final = 8.0  # over the next row or column
_DETUNED: Final = np.arange(-6, 7) * 0.006  # where each key frequency is looked for, relative to it
_TUNED: Final = range(2, 11)  # up to 2.4 % off; Q.24: 1.5 % counts, 3.5 % does not
_NOTHING: Final = np.float32(1e-6)  # keeps divisions and logarithms finite in silence
_BLOCKS_ON: Final = 4  # a tone of 40 ms always fills as many blocks, one of 23 ms never
_BLOCKS_OFF: Final = 8  # a break of 10 ms does not make two keys of one, a pause of 30 ms does


def _probe() -> Matrix:
    """Return cosines, then sines, of all measured frequencies, shape (samples, 2 * 8 * detunings)."""
    frequencies = np.outer([*ROWS_HZ, *COLUMNS_HZ], 1 + _DETUNED).ravel()
    angles = 2 * np.pi / g711.RATE * np.outer(np.arange(_BLOCK), frequencies)
    return np.hstack((np.cos(angles), np.sin(angles))).astype(np.float32)


_PROBE: Final = _probe()


def powers(blocks: Matrix) -> Matrix:
    """Return the power of each block at and around the key frequencies; a sine there gives its mean square.

    The value is what Goertzel's recurrence gives; a matrix product gives it for many blocks at once.

    Args:
        blocks: samples, shape (blocks, 204).

    Returns:
        Shape (blocks, 8, 13): 4 rows, then 4 columns; each from 3.6 % below to 3.6 % above its frequency.
    """
    real, imaginary = np.split(blocks @ _PROBE, 2, axis=1)
    measured: Matrix = 2 / _BLOCK**2 * (real * real + imaginary * imaginary)
    return measured.reshape(len(blocks), -1, len(_DETUNED))


def classify(blocks: Matrix) -> list[str]:
    """Return the key that each block holds, "" for none.

    Args:
        blocks: samples, shape (blocks, 204).
    """
    found = powers(blocks)
    energy = np.mean(blocks * blocks, axis=1)
    row, row_power, row_clear = _strongest(found[:, :4])
    column, column_power, column_clear = _strongest(found[:, 4:])
    good = row_clear & column_clear & (energy > _QUIETEST)
    good &= row_power + column_power > _PURITY * energy
    good &= np.abs(_decibels(column_power / row_power)) < _TWIST_DB
    return [KEYPAD[r][c] if ok else "" for r, c, ok in zip(row, column, good, strict=True)]


def _strongest(group: Matrix) -> tuple[NDArray[np.intp], Matrix, NDArray[np.bool_]]:
    """Return which of four frequencies is strongest, its power, and whether it is in tune and stands out."""
    heights = group.max(axis=2) + _NOTHING
    best = np.argmax(heights, axis=1)
    offset = np.argmax(group[np.arange(len(group)), best], axis=1)
    ordered: Matrix = np.sort(heights, axis=1)
    highest: Matrix = ordered[:, -1]
    clear = _decibels(highest / ordered[:, -2]) > _APART_DB
    clear &= (offset >= _TUNED.start) & (offset < _TUNED.stop)
    return best, highest, clear


def _decibels(ratio: Matrix) -> Matrix:
    decibels: Matrix = 10 * np.log10(ratio)
    return decibels


class ToneDetector:
    """Finds keys in a stream of sound, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._samples = np.zeros(_BLOCK - _HOP, np.float32)
        self._candidate = ""
        self._hits = 0
        self._held = ""
        self._misses = 0

    def feed(self, alaw: bytes) -> str:
        """Return the keys that this sound (A-law) completes, mostly none."""
        self._samples = np.concatenate((self._samples, g711.from_alaw(alaw).astype(np.float32)))
        if len(self._samples) < _BLOCK:
            return ""
        blocks = np.lib.stride_tricks.sliding_window_view(self._samples, _BLOCK)[::_HOP]
        self._samples = self._samples[len(blocks) * _HOP :]
        return "".join(self._one(key) for key in classify(blocks))

    def _one(self, key: str) -> str:
        self._hits = self._hits + 1 if key and key == self._candidate else int(bool(key))
        self._candidate = key
        self._misses = 0 if key == self._held else self._misses + 1
        if self._misses >= _BLOCKS_OFF:
            self._held = ""
        if self._hits < _BLOCKS_ON or key == self._held:
            return ""
        self._held, self._misses = key, 0
        return key
