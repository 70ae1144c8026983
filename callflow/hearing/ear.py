"""Ears: engines that turn telephone sound into words. They run in the hearing worker only."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr

from callflow import g711

MODEL_FILE = "model.bin"
_RATE = 16_000  # what Whisper was trained on


class HearingError(RuntimeError):
    """The ear cannot be used; the message says how to mend that, German first."""


class Ear(Protocol):
    """An engine that listens."""

    def words(self, alaw: bytes, language: str) -> str:
        """Write down speech.

        Args:
            alaw: A-law sound, 8,000 bytes a second.
            language: two-letter code of what is spoken.
        """


class WhisperEar:
    """Whisper by faster-whisper, on the processor, with 8-bit weights.

    Args:
        model: folder with a converted model (model.bin, config.json, tokenizer.json).
        threads: processor threads it may use.
    """

    def __init__(self, model: Path, threads: int = 1) -> None:
        from faster_whisper import WhisperModel  # noqa: PLC0415 - optional package, heavy

        self._model = WhisperModel(
            str(model), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
        )

    def words(self, alaw: bytes, language: str) -> str:
        """Write down speech; silence gives ""."""
        wave = g711.from_alaw(alaw).astype(np.float32) / 32768
        heard, _ = self._model.transcribe(
            np.asarray(soxr.resample(wave, g711.RATE, _RATE), dtype=np.float32),
            language=language,
            condition_on_previous_text=False,  # a misheard word must not colour the rest
        )
        return " ".join(" ".join(segment.text for segment in heard).split())


def check(model: Path) -> None:
    """Make sure that an ear can be made of `model`.

    Raises:
        HearingError: the model or the package is missing.
    """
    if not (model / MODEL_FILE).is_file():
        raise HearingError(
            f"{model}: {MODEL_FILE} fehlt; ein Whisper-Modell für faster-whisper dorthin legen.\n"
            f"{model}: {MODEL_FILE} is missing; put a Whisper model for faster-whisper there."
        )
    if find_spec("faster_whisper") is None:
        raise HearingError(
            'Das Paket faster-whisper fehlt: pip install "rufweiche[speech]".\n'
            'The package faster-whisper is missing: pip install "rufweiche[speech]".'
        )
