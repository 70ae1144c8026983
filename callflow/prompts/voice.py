"""Voices: engines that turn text into sound. They run in the speech worker only.

A voice knows nothing of telephones: it gives one sentence at its own rate; `callflow.prompts.sound` does
the rest.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import wave
from collections.abc import Callable, Mapping
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from shutil import which
from typing import Protocol

import numpy as np

from callflow.prompts.choice import VoiceChoice
from callflow.prompts.jobs import CALLER_WAITS_S
from callflow.prompts.sound import Sound, Wave, from_int16, trim

SENTENCE_PAUSE_MS = 380  # Pico leaves 700 ms, which callers take for the end of the announcement
_SENTENCE = re.compile(r"(?<=[.!?…:])\s+")
_MARKUP = re.compile(r"<[^>]*>?|[\x00-\x1f\x7f]")


class VoiceError(RuntimeError):
    """The voice can't speak this."""


class Voice(Protocol):
    """An engine that speaks."""

    name: str

    def __hash__(self) -> int:
        """Tell voices apart by identity."""

    def languages(self) -> frozenset[str]:
        """Return the two-letter codes it can speak."""

    def sentence(self, text: str, language: str) -> Sound:
        """Speak one clean sentence.

        Raises:
            VoiceError: the engine gave no sound.
        """


class PicoVoice:
    """SVOX Pico from the package py-nanotts: 16 kHz, about 17 ms of work a sentence, holds the GIL.

    Args:
        choice: only its speed counts.
    """

    name = "pico"
    _VOICES: Mapping[str, str] = {"de": "de-DE", "en": "en-GB", "fr": "fr-FR", "it": "it-IT", "es": "es-ES"}
    _RATE = 16_000
    _VOLUME = 0.4  # its default of 1.0 clips

    def __init__(self, choice: VoiceChoice) -> None:
        from py_nanotts import NanoTTS  # noqa: PLC0415 - 6 MB of native code that only the worker needs

        self._engine = NanoTTS()
        self._speed = choice.speed

    def languages(self) -> frozenset[str]:
        """Return the languages whose data the package brings."""
        return frozenset(self._VOICES)

    def sentence(self, text: str, language: str) -> Sound:
        """Speak one sentence."""
        pcm = self._engine.speak(text, voice=self._VOICES[language], speed=self._speed, volume=self._VOLUME)
        return from_int16(np.frombuffer(pcm, dtype=np.int16), self._RATE)


class PiperVoice:
    """Piper with the operator's models, one ONNX file per language.

    Args:
        choice: speed, and language -> path of its model.

    Raises:
        VoiceError: a model is missing.
    """

    name = "piper"

    def __init__(self, choice: VoiceChoice) -> None:
        self._models = {language: Path(path) for language, path in choice.models.items()}
        self._speed = choice.speed
        missing = sorted(str(path) for path in self._models.values() if not path.is_file())
        if missing:
            raise VoiceError(f"voice model not found: {', '.join(missing)}")

    def languages(self) -> frozenset[str]:
        """Return the languages that have a model."""
        return frozenset(self._models)

    def sentence(self, text: str, language: str) -> Sound:
        """Speak one sentence."""
        from piper import SynthesisConfig  # noqa: PLC0415 - optional package

        voice = _piper_model(self._models[language])
        chunks = list(voice.synthesize(text, SynthesisConfig(length_scale=1 / self._speed)))
        samples = np.concatenate([np.frombuffer(chunk.audio_int16_bytes, dtype=np.int16) for chunk in chunks])
        return from_int16(samples, chunks[0].sample_rate)


class CommandVoice:
    """Any program that reads a sentence on standard input and writes a WAV to standard output.

    Args:
        choice: language -> command line, split as a shell would but run without one.
        job_s: longest time for a job of the speech worker in seconds; a program has a little less, so that
            its fault is named.

    Raises:
        VoiceError: a program is missing.
    """

    name = "command"
    _LEFT_S = 0.5  # of a job's time, for everything but the program

    def __init__(self, choice: VoiceChoice, job_s: float = CALLER_WAITS_S) -> None:
        self._limit_s = job_s - self._LEFT_S
        self._commands = {language: shlex.split(line) for language, line in choice.models.items()}
        missing = sorted({words[0] for words in self._commands.values() if not which(words[0])})
        if missing:
            raise VoiceError(f"program not found: {', '.join(missing)}")

    def languages(self) -> frozenset[str]:
        """Return the languages that have a program."""
        return frozenset(self._commands)

    def sentence(self, text: str, language: str) -> Sound:
        """Speak one sentence.

        Raises:
            VoiceError: the program failed, took too long, or wrote no WAV.
        """
        command = self._commands[language]
        try:
            # the operator's own words, without a shell
            done = subprocess.run(  # noqa: S603
                command, input=text.encode(), capture_output=True, check=True, timeout=self._limit_s
            )
            return _wav(done.stdout)
        except (OSError, subprocess.SubprocessError, EOFError, wave.Error) as error:
            raise VoiceError(f"{command[0]}: {type(error).__name__}") from error


def _wav(content: bytes) -> Sound:
    with wave.open(BytesIO(content)) as file:
        if (file.getsampwidth(), file.getnchannels()) != (2, 1):
            raise VoiceError("a voice program must write 16-bit mono WAV")
        # programs that stream don't know their length yet and announce the largest there is
        raw = file.readframes(min(file.getnframes(), len(content)))
        return from_int16(np.frombuffer(raw[: len(raw) // 2 * 2], dtype=np.int16), file.getframerate())


@lru_cache(maxsize=8)
def _piper_model(path: Path):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the optional package has the type
    try:
        from piper import PiperVoice as Model  # noqa: PLC0415 - optional package
    except ImportError as error:
        raise VoiceError("engine piper needs the package piper-tts") from error
    return Model.load(path)


ENGINES: Mapping[str, Callable[[VoiceChoice, float], Voice]] = {
    "pico": lambda choice, _: PicoVoice(choice),
    "piper": lambda choice, _: PiperVoice(choice),
    "command": CommandVoice,
}


def engine(choice: VoiceChoice, job_s: float = CALLER_WAITS_S) -> Voice:
    """Return the chosen voice.

    Args:
        choice: which.
        job_s: longest time for a job of the speech worker in seconds.

    Raises:
        VoiceError: no such engine, or its models are missing.
    """
    make = ENGINES.get(choice.engine)
    if make is None:
        raise VoiceError(f"unknown voice engine {choice.engine!r}; known: {', '.join(sorted(ENGINES))}")
    return make(choice, job_s)


def speak(voice: Voice, text: str, language: str) -> Sound:
    """Speak a text sentence by sentence with our own pauses between.

    Raises:
        VoiceError: unknown language, nothing to say or no sound.
    """
    if language not in voice.languages():
        raise VoiceError(f"voice {voice.name} speaks no {language!r}")
    sentences = _sentences(text)
    if not sentences:
        raise VoiceError("nothing to say")
    sounds = [voice.sentence(sentence, language) for sentence in sentences]
    rate = sounds[0].rate
    waves = [_audible(sound) for sound in sounds]
    pause = np.zeros(rate * SENTENCE_PAUSE_MS // 1000)
    joined = [part for wave in waves for part in (wave, pause)][:-1]
    return Sound(np.concatenate(joined), rate)


def _sentences(text: str) -> list[str]:
    clean = _MARKUP.sub(" ", text).replace("<", " ").replace("&", " ").strip()
    return [sentence for sentence in _SENTENCE.split(clean) if any(sign.isalnum() for sign in sentence)]


def _audible(sound: Sound) -> Wave:
    wave = trim(sound.wave, sound.rate)
    if not len(wave):
        raise VoiceError("the voice gave no sound")
    return wave
