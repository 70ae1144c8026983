"""The practice's own recordings: any WAV, MP3 or M4A in place of a prompt file."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from callflow.prompts.sound import Sound

SUFFIXES = (".wav", ".mp3", ".m4a", ".flac", ".ogg")
LONGEST_S = 600
_RATE = 48_000


class RecordingError(ValueError):
    """A file that holds no usable sound."""


def find(folder: Path, language: str, name: str) -> Path | None:
    """Return the recording that replaces prompt `name`, None when there is none.

    A recording for one language stands beside its prompt file; one for all languages in the folder above.
    """
    for place in (folder / language, folder):
        for suffix in SUFFIXES:
            path = place / f"{name}{suffix}"
            if path.is_file():
                return path
    return None


def fingerprint(path: Path) -> str:
    """Return a hash of the recording's content."""
    facts = path.stat()
    return _fingerprint(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=512)
def _fingerprint(path: Path, changed: int, size: int) -> str:
    """Hash a file once for each of its versions (`changed` in ns, `size` in bytes)."""
    del changed, size
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(path: Path) -> Sound:
    """Decode a recording to one channel at 48 kHz.

    Raises:
        RecordingError: no sound in it, damaged, or longer than ten minutes.
    """
    try:
        samples = _decode(path)
    except (FFmpegError, IndexError, OSError) as error:
        raise RecordingError(f"{path.name}: no readable sound ({type(error).__name__})") from error
    if not len(samples):
        raise RecordingError(f"{path.name}: empty")
    return Sound(samples.astype(np.float64), _RATE)


def _decode(path: Path) -> np.ndarray:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE)
    blocks: list[np.ndarray] = []
    length = 0
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[0]):
            blocks += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            length += frame.samples
            if length > LONGEST_S * frame.sample_rate:
                raise RecordingError(f"{path.name}: longer than {LONGEST_S} s")
        blocks += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(blocks) if blocks else np.zeros(0)
