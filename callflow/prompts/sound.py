"""Sound made fit for the telephone: resampling, pre-emphasis, loudness, A-law.

Samples are float64 arrays of shape (n,) with full scale at 1.0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from callflow import g711
from callflow.prompts.cache import ClipFacts

Wave = NDArray[np.float64]

LEVEL_DBFS = -20.0  # active speech level; leaves G.711's usual 12-15 dB of crest above it
CEILING = 0.7  # -3 dBFS, above which the limiter bends
ACTIVE_DB = 30.0  # windows this far under the loudest one count as pauses
_EMPHASIS = 0.8  # y[n] - 0.8 y[n-1] lifts consonants that 300-3400 Hz lines swallow
_WINDOW = g711.RATE // 50  # 20 ms
_FADE = g711.RATE // 200  # 5 ms: keeps cuts from clicking
_QUIET_DBFS = -50.0


@dataclass(frozen=True, slots=True)
class Sound:
    """One channel of sound.

    Args:
        wave: samples, shape (n,), full scale 1.0.
        rate: samples a second.
    """

    wave: Wave
    rate: int


def from_int16(samples: NDArray[np.int16], rate: int) -> Sound:
    """Return 16-bit samples of shape (n,) as `Sound`."""
    return Sound(samples.astype(np.float64) / 32768.0, rate)


def for_phone(sound: Sound, *, emphasis: bool, lead_ms: int = 0, tail_ms: int = 120) -> Wave:
    """Return `sound` at 8 kHz, trimmed, at the house's level, padded with silence to whole 20 ms frames.

    Args:
        sound: any rate above zero.
        emphasis: apply pre-emphasis (for synthetic voices, which sound muffled on the line).
        lead_ms: silence before the first sound.
        tail_ms: silence after the last.
    """
    wave = np.asarray(soxr.resample(sound.wave, sound.rate, g711.RATE, "HQ"), dtype=np.float64)
    wave = trim(wave, g711.RATE)
    if emphasis:
        wave = np.append(wave[:1], wave[1:] - _EMPHASIS * wave[:-1])
    wave = fade(limit(to_level(wave)))
    return pad(wave, lead_ms, tail_ms)


def active_dbfs(wave: Wave) -> float:
    """Return the mean level of the windows that hold speech, -inf for silence (after ITU-T P.56's idea)."""
    powers = _window_powers(wave)
    loudest = float(powers.max(initial=0.0))
    if loudest <= 0:
        return float("-inf")
    return _decibel(float(powers[powers > loudest * 10 ** (-ACTIVE_DB / 10)].mean()))


def to_level(wave: Wave, dbfs: float = LEVEL_DBFS) -> Wave:
    """Return `wave` with its active level at `dbfs`; silence stays silence."""
    level = active_dbfs(wave)
    return wave if level == float("-inf") else wave * 10 ** ((dbfs - level) / 20)


def limit(wave: Wave) -> Wave:
    """Return `wave` with peaks bent softly under full scale, so that nothing clips."""
    size = np.abs(wave)
    over = size > CEILING
    bent = CEILING + (1 - CEILING) * np.tanh((size - CEILING) / (1 - CEILING))
    return np.where(over, np.sign(wave) * np.minimum(bent, 0.999), wave)


def trim(wave: Wave, rate: int) -> Wave:
    """Return `wave` without the quiet before its first and after its last sound (20 ms are kept)."""
    window = rate // 50
    powers = _window_powers(wave, window)
    floor = max(float(powers.max(initial=0.0)) * 1e-5, 10 ** (_QUIET_DBFS / 10) * 1e-2)
    loud = np.flatnonzero(powers > floor)
    if not len(loud):
        return wave[:0]
    return wave[max(loud[0] - 1, 0) * window : (loud[-1] + 2) * window]


def fade(wave: Wave) -> Wave:
    """Return `wave` with 5 ms ramps at both ends."""
    length = min(_FADE, len(wave) // 2)
    shape = np.ones(len(wave))
    shape[:length] = np.linspace(0, 1, length)
    shape[len(wave) - length :] = np.linspace(1, 0, length)
    return wave * shape


def pad(wave: Wave, lead_ms: int, tail_ms: int) -> Wave:
    """Return `wave` between silences, filled up to whole frames of 20 ms."""
    lead, tail = lead_ms * g711.RATE // 1000, tail_ms * g711.RATE // 1000
    tail += -(len(wave) + lead + tail) % g711.FRAME
    return np.concatenate([np.zeros(lead), wave, np.zeros(tail)])


def to_alaw(wave: Wave) -> bytes:
    """Return 8 kHz samples as A-law."""
    scaled = np.clip(np.rint(wave * 32767), -32768, 32767).astype(np.int16)
    return g711.to_alaw(scaled)


def facts(sound: bytes, source: str) -> ClipFacts:
    """Measure A-law sound as it will be heard."""
    wave = g711.from_alaw(sound).astype(np.float64) / 32768
    peak = float(np.abs(wave).max(initial=0.0))
    level = active_dbfs(wave)
    return ClipFacts(
        ms=len(sound) * 1000 // g711.RATE,
        dbfs=round(max(level, -99.0), 1),
        peak_dbfs=round(_decibel(peak * peak), 1),
        source=source,
    )


def _window_powers(wave: Wave, window: int = _WINDOW) -> Wave:
    whole = len(wave) // window * window
    return np.asarray((wave[:whole].reshape(-1, window) ** 2).mean(axis=1))


def _decibel(power: float) -> float:
    return float(10 * np.log10(max(power, 1e-10)))
