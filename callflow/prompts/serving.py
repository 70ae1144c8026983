"""The child's end of a worker process: frames in on standard input, frames out on standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import BinaryIO

from callflow.prompts.jobs import HEAD, Answer, pack_answer

Do = Callable[[bytes], Answer]
"""Does the job of a frame's body."""


def serve(prepare: Callable[[], Do]) -> None:
    """Prepare, say that we are ready, then do jobs until their stream ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a chatty native library must not break the frames
    exchange(prepare(), sys.stdin.buffer, answers)


def exchange(do: Do, jobs: BinaryIO, answers: BinaryIO) -> None:
    """Say that we are ready with an empty answer, then answer job after job."""
    answers.write(pack_answer(Answer()))
    answers.flush()
    while head := jobs.read(HEAD.size):
        (length,) = HEAD.unpack(head)
        answers.write(pack_answer(do(jobs.read(length))))
        answers.flush()
