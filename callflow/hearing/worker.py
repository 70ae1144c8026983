"""The hearing worker: a process of its own, last in line for the processor, so that no call waits for it.

Started as `python -m callflow.hearing.worker MODEL`; frames as in `callflow.prompts.jobs`.
"""

from __future__ import annotations

import base64
import os
import sys
from functools import partial
from pathlib import Path

from callflow.hearing.ear import Ear, WhisperEar
from callflow.prompts.jobs import Answer, unpack_hear
from callflow.prompts.serving import serve

LEAST_URGENT = 19


def answer(ear: Ear, body: bytes) -> Answer:
    """Write down the sound of a job; every fault becomes an answer with `error`."""
    job = unpack_hear(body)
    try:
        words = ear.words(base64.b64decode(job.sound), job.language)
    except Exception as error:  # noqa: BLE001 - whatever the model throws, the worker stays
        return Answer(error=type(error).__name__)
    return Answer(pieces=(("text", words),), source="machine")


def main() -> None:
    """Run the worker."""
    os.nice(LEAST_URGENT)
    serve(lambda: partial(answer, WhisperEar(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
