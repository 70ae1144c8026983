"""The optional ear of the house: who writes voice messages down, and hears prompts for the report."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.console import Console

from callflow.bootstrap.first_run import studio
from callflow.hearing import report
from callflow.hearing.ear import check
from callflow.hearing.process import HearingProcess
from callflow.settings import Settings


def ear(settings: Settings, model: Path | None = None) -> HearingProcess | None:
    """Return the ear with `model` or the one of practice.yaml; None if there is none.

    Raises:
        HearingError: the model or the package is missing.
    """
    named = settings.practice.transcripts.model
    if model is None and not named:
        return None
    found = model or settings.config / named
    check(found)
    return HearingProcess(found)


def hear_prompts(settings: Settings, model: Path, console: Console) -> None:
    """Speak every prompt, hear it with `model` and print what was heard otherwise.

    Raises:
        HearingError: the model or the package is missing.
    """
    asyncio.run(_hear_prompts(settings, model, console))


async def _hear_prompts(settings: Settings, model: Path, console: Console) -> None:
    listener, room = ear(settings, model), studio(settings)
    assert listener is not None  # noqa: S101  a model was given
    try:
        heard = await report.listen(room, listener.hear, settings.practice.languages, console)
    finally:
        await listener.close()
        await room.close()
    console.print(report.table([each for each in heard if each.words.wrong]))
    console.print(report.summary(heard))
