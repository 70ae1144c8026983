"""Tones that the line makes itself: the beep before a recording, keys for peers without telephone-events."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from callflow import g711

ROWS_HZ: Final = (697, 770, 852, 941)
COLUMNS_HZ: Final = (1209, 1336, 1477, 1633)
KEYPAD: Final = ("123A", "456B", "789C", "*0#D")  # ITU-T Q.23

_KEY_DBFS: Final = -13.0  # each of both tones, well inside ITU-T Q.24's limits for the receiver
_BEEP_HZ: Final = 1000
_BEEP_MS: Final = 250
_BEEP_DBFS: Final = -22.0
_RAMP_MS: Final = 4


def tone(frequencies: tuple[float, ...], ms: int, dbfs: float) -> bytes:
    """Return A-law of summed sine tones.

    Args:
        frequencies: in hertz.
        ms: length.
        dbfs: RMS level of each tone, relative to full scale.
    """
    seconds = np.arange(ms * g711.RATE // 1000) / g711.RATE
    wave = sum(np.sin(2 * np.pi * hertz * seconds) for hertz in frequencies) * 2**0.5 * 10 ** (dbfs / 20)
    edge = np.minimum(seconds, seconds[::-1]) * 1000 / _RAMP_MS
    return g711.to_alaw(np.rint(np.clip(wave * np.minimum(edge, 1), -1, 1) * 32767).astype(np.int16))


@cache
def beep() -> bytes:
    """Return the beep before a recording."""
    return tone((_BEEP_HZ,), _BEEP_MS, _BEEP_DBFS)


@cache
def key(name: str, ms: int) -> bytes:
    """Return the tone pair of a key.

    Raises:
        ValueError: no such key.
    """
    for row, names in zip(ROWS_HZ, KEYPAD, strict=True):
        if name in names:
            return tone((row, COLUMNS_HZ[names.index(name)]), ms, _KEY_DBFS)
    raise ValueError(f"there is no key {name!r}")


def keys(names: str, tone_ms: int, gap_ms: int) -> list[bytes]:
    """Return the clips that press keys one after the other; "," pauses one second.

    Raises:
        ValueError: no such key.
    """
    clips: list[bytes] = []
    for name in names:
        clips += [silence(1000)] if name == "," else [key(name, tone_ms), silence(gap_ms)]
    return clips


def silence(ms: int) -> bytes:
    """Return silence."""
    return bytes([g711.SILENCE]) * (ms * g711.RATE // 1000)
