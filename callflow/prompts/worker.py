"""The speech worker: a process of its own, because voices hold the interpreter and templates may run wild.

Started as `python -m callflow.prompts.worker FOLDER CHOICE SECONDS`; jobs come on standard input, answers
leave on standard output (`callflow.prompts.jobs`). The parent ends it when a job takes longer than SECONDS,
and starts another.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from functools import lru_cache
from pathlib import Path

from callflow.prompts import digits, recordings, sound, tones
from callflow.prompts.choice import VoiceChoice
from callflow.prompts.jobs import (
    Answer,
    Convert,
    Digits,
    Job,
    Speak,
    Synthesise,
    Write,
    unpack_job,
)
from callflow.prompts.normalise import normalise
from callflow.prompts.serving import Do, serve
from callflow.prompts.templates import Templates, fill
from callflow.prompts.voice import PicoVoice, Voice, engine, speak

HURRY = -5  # niceness: a caller waits in silence for us, and a sentence is soon said
HEADROOM = 512 * 1024 * 1024  # bytes of memory a job may take beyond what the loaded worker holds


class Workbench:
    """Does jobs, one after the other.

    Args:
        folder: ivr_prompts.
        choice: the voice.
        job_s: longest time for one job in seconds.
    """

    def __init__(self, folder: Path, choice: VoiceChoice, job_s: float) -> None:
        self._voices: tuple[Voice, ...] = (engine(choice, job_s), PicoVoice(choice))
        self._templates = lru_cache(lambda language: Templates(folder / language))

    def warm(self) -> None:
        """Load the models of a voice that loads them with its first sentence, before memory is limited."""
        chosen = self._voices[0]
        for language in () if isinstance(chosen, PicoVoice) else chosen.languages():
            self.do(Speak(language, "A."))

    def do(self, job: Job) -> Answer:
        """Do a job; every fault becomes an answer with `error`."""
        try:
            return self._do(job)
        except MemoryError:
            return Answer(error="out of memory")
        except Exception as error:  # noqa: BLE001 - whatever a template, codec or voice throws, the worker stays
            return Answer(error=f"{type(error).__name__}: {error}")

    def _do(self, job: Job) -> Answer:
        match job:
            case Write():
                return self._write(job)
            case Speak():
                voice = self._voice(job.language)
                spoken = speak(voice, normalise(job.text, job.language), job.language)
                return _voiced(voice, sound.for_phone(spoken, emphasis=True))
            case Digits():
                voice = self._voice(job.language)
                spoken = digits.speak(voice, job.digits, job.language, final=job.final)
                return _voiced(voice, sound.for_phone(spoken, emphasis=True, tail_ms=0))
            case Synthesise():
                return Answer(sound=sound.to_alaw(tones.make(job.sound)), source="synthesis")
            case Convert():
                wave = sound.for_phone(recordings.read(Path(job.path)), emphasis=False)
                return Answer(sound=sound.to_alaw(wave), source="recording")

    def _write(self, job: Write) -> Answer:
        if job.name:
            pieces = self._templates(job.language).pieces(job.name, job.values)
        else:
            pieces = fill(job.text, job.values)
        return Answer(pieces=tuple((piece.kind, piece.text) for piece in pieces))

    def _voice(self, language: str) -> Voice:
        """Return the chosen voice, or the built-in one for languages that the chosen one lacks."""
        return next((voice for voice in self._voices if language in voice.languages()), self._voices[0])


def _voiced(voice: Voice, wave: sound.Wave) -> Answer:
    return Answer(sound=sound.to_alaw(wave), source=f"voice:{voice.name}")


def main() -> None:
    """Run the worker."""
    folder, choice, job_s = Path(sys.argv[1]), VoiceChoice(**json.loads(sys.argv[2])), float(sys.argv[3])
    with contextlib.suppress(PermissionError):  # only root, or who is allowed to, goes before others
        os.nice(HURRY)
    serve(lambda: _prepared(Workbench(folder, choice, job_s)))


def _prepared(bench: Workbench) -> Do:
    bench.warm()
    _limit_memory()
    return lambda body: bench.do(unpack_job(body))


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
