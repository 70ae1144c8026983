"""The app's end of a worker process: starts it, gives it one job at a time, ends it when it hangs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from callflow.prompts.choice import VoiceChoice
from callflow.prompts.jobs import CALLER_WAITS_S, HEAD, Answer, Hear, Job, pack_job, unpack_answer

START_S = 20.0  # a cold start loads numpy, the voice and its data
CONVERT_S = 30.0


class SpeechError(RuntimeError):
    """The worker could not do a job; the message names no text and no value."""


class WorkerProcess:
    """One worker process; started when first needed and again after it died.

    Args:
        module: run with `python -m`; its end is `callflow.prompts.serving`.
        arguments: given to it.
        start_s: longest time until it is ready, in seconds.
        job_s: longest time for one job.
    """

    def __init__(self, module: str, arguments: Sequence[str], *, start_s: float, job_s: float) -> None:
        self._command = (sys.executable, "-m", module, *arguments)
        self._start_s, self._job_s = start_s, job_s
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Process id of the running worker."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def do(self, job: Job | Hear, limit_s: float | None = None) -> Answer:
        """Have a job done; a worker that died before is replaced.

        Raises:
            SpeechError: the job failed, took too long or killed the worker.
        """
        async with self._turn:
            answer = await self._exchange(job, self._job_s if limit_s is None else limit_s)
        if answer.error:
            raise SpeechError(answer.error)
        return answer

    async def close(self) -> None:
        """End the worker."""
        async with self._turn:
            await self._end()

    async def _exchange(self, job: Job | Hear, limit_s: float) -> Answer:
        try:
            # a cold start has its own time: it must not eat up the first job's
            async with asyncio.timeout(self._start_s):
                process = await self._running()
            async with asyncio.timeout(limit_s):
                return await _ask(process, job)
        except (TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            await self._end()
            raise SpeechError(f"worker: {type(error).__name__} in job {job.op!r}") from error
        except asyncio.CancelledError:
            await self._end()  # an answer nobody reads would be taken for the next job's
            raise

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await self._start()
            await _answer(self._process)
        return self._process

    async def _start(self) -> Process:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the supervisor, which ends us in order
        )

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()


class SpeechProcess(WorkerProcess):
    """The speech worker.

    Args:
        folder: ivr_prompts.
        choice: the voice.
        job_s: longest time for one job in seconds.
    """

    def __init__(self, folder: Path, choice: VoiceChoice, *, job_s: float = CALLER_WAITS_S) -> None:
        arguments = (str(folder), json.dumps(asdict(choice)), str(job_s))
        super().__init__("callflow.prompts.worker", arguments, start_s=START_S, job_s=job_s)


async def _ask(process: Process, job: Job | Hear) -> Answer:
    if process.stdin is None:
        raise OSError("worker without pipes")
    process.stdin.write(pack_job(job))
    await process.stdin.drain()
    return await _answer(process)


async def _answer(process: Process) -> Answer:
    if process.stdout is None:
        raise OSError("worker without pipes")
    (length,) = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
    answer, size = unpack_answer(await process.stdout.readexactly(length))
    return replace(answer, sound=await process.stdout.readexactly(size))
