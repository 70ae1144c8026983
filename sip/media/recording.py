"""Recordings: what is kept, when they end, how loud they are, and the sinks they go to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np

from callflow import g711

EndedBy = Literal["silence", "limit", "stopped", "closed"]

NO_SOUND_DBFS: Final = -96.0

_BYTES_PER_MS: Final = g711.RATE // 1000
_NOISE_DBFS: Final = -60.0  # a quiet line, until the call shows its own
_NOISE_RISE_DB: Final = 0.05  # per frame: the noise floor follows a louder room within seconds
_OVER_NOISE_DB: Final = 9.0
_SPEECH_DBFS: Final = (-48.0, -32.0)  # never take anything below for speech, nor anything above for noise


class Sink(Protocol):
    """Where received sound goes: A-law at 8 kHz, in order, losses covered."""

    def write(self, alaw: bytes) -> None:
        """Take the next piece of sound."""

    def close(self) -> None:
        """Know that the recording ended; called once."""


@dataclass(frozen=True, slots=True)
class Recording:
    """How a recording ended.

    Args:
        ms: its length in milliseconds, without the silence that ended it.
        ended_by: what ended it; `closed` means that the stream was closed meanwhile.
        dbfs: level of its loud parts in dB below full scale, `NO_SOUND_DBFS` if there are none.
    """

    ms: int
    ended_by: EndedBy
    dbfs: float


class Recorder:
    """Passes sound to a sink until it has been long enough, or silent for long enough.

    Args:
        sink: takes the sound; with `silence_ms`, silence reaches it only once speech follows or another rule
            ends the recording.
        max_ms: longest recording, 0 for no limit.
        silence_ms: silence that ends it, 0 for none; counted from the start as well.
    """

    def __init__(self, sink: Sink, *, max_ms: int = 0, silence_ms: int = 0) -> None:
        self._sink = sink
        self._max_ms = max_ms
        self._silence_ms = silence_ms
        self._noise = _NOISE_DBFS
        self._kept = 0
        self._held = bytearray()
        self._energy: list[float] = []

    def feed(self, alaw: bytes) -> EndedBy | None:
        """Take 20 ms of sound; return what ends the recording with it, if anything does."""
        power = _power(alaw)
        self._held += alaw
        speech = self._is_speech(power)
        if speech:
            self._energy.append(power)
        if speech or not self._silence_ms:
            self._flush()
        if self._max_ms and self._kept + len(self._held) >= self._max_ms * _BYTES_PER_MS:
            return "limit"
        if self._silence_ms and len(self._held) >= self._silence_ms * _BYTES_PER_MS:
            return "silence"
        return None

    def finish(self, ended_by: EndedBy) -> Recording:
        """Close the sink and say what was recorded."""
        if ended_by != "silence":
            self._flush()
        self._sink.close()
        loud = _decibels(sum(self._energy) / len(self._energy)) if self._energy else NO_SOUND_DBFS
        return Recording(self._kept // _BYTES_PER_MS, ended_by, round(loud, 1))

    def _is_speech(self, power: float) -> bool:
        level = _decibels(power)
        quietest, loudest = _SPEECH_DBFS
        speech = level > min(max(self._noise + _OVER_NOISE_DB, quietest), loudest)
        self._noise = min(level, self._noise + _NOISE_RISE_DB)
        return speech

    def _flush(self) -> None:
        self._sink.write(bytes(self._held))
        self._kept += len(self._held)
        self._held.clear()


def dbfs(alaw: bytes) -> float:
    """Return the RMS level in dB below full scale, `NO_SOUND_DBFS` for nothing."""
    return _decibels(_power(alaw))


def _power(alaw: bytes) -> float:
    samples = g711.from_alaw(alaw).astype(np.float64) / 32768
    return float(np.mean(samples * samples)) if len(samples) else 0.0


def _decibels(power: float) -> float:
    return max(10 * math.log10(power), NO_SOUND_DBFS) if power else NO_SOUND_DBFS


class MemorySink:
    """Keeps a recording in memory, as A-law; for whoever seals and stores it later."""

    def __init__(self) -> None:
        self.alaw = bytearray()
        self.closed = False

    def write(self, alaw: bytes) -> None:
        """Take the next piece of sound."""
        self.alaw += alaw

    def close(self) -> None:
        """Know that the recording ended."""
        self.closed = True
