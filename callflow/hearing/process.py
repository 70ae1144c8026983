"""The app's end of the hearing worker."""

from __future__ import annotations

import base64
from pathlib import Path

from callflow.prompts.jobs import Hear
from callflow.prompts.process import WorkerProcess

START_S = 120.0  # a large model is read from disk
JOB_S = 900.0  # two minutes of speech on a busy small machine


class HearingProcess:
    """Turns sound into words in one worker process, one sound at a time.

    Args:
        model: folder of the speech model.
    """

    def __init__(self, model: Path) -> None:
        self._worker = WorkerProcess("callflow.hearing.worker", (str(model),), start_s=START_S, job_s=JOB_S)

    async def hear(self, alaw: bytes, language: str) -> str:
        """Write down A-law sound.

        Raises:
            callflow.prompts.process.SpeechError: the worker could not.
        """
        answer = await self._worker.do(Hear(language, base64.b64encode(alaw).decode()))
        return " ".join(text for _, text in answer.pieces)

    async def close(self) -> None:
        """End the worker; the next sound starts another."""
        await self._worker.close()
