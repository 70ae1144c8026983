"""The prompt cache stays small: what no flow says any more, and nobody heard for long, goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import structlog

from callflow.bootstrap.line import config_path, embedded_lines
from callflow.effects import Prompt
from callflow.prompts.studio import Studio
from callflow.settings import Settings
from sip.line_config import LineConfig

FIRST_S, EVERY_S = 15 * 60.0, 24 * 3600.0
UNUSED_S = 30 * 24 * 3600.0
LARGEST = 1024**3  # bytes; about 37 hours of speech
_log = structlog.get_logger("tidying")


@dataclass(frozen=True, slots=True)
class Tidying:
    """Sweeps the prompt cache once a day.

    Args:
        settings: the house's settings.
        studio: whose cache it is.
        inline: the texts typed into the flows in force.
    """

    settings: Settings
    studio: Studio
    inline: Callable[[], Iterable[str]]

    async def run(self) -> None:
        """Sweep again and again until cancelled; a failed round is logged and the next one tries again."""
        pause = FIRST_S
        while True:
            await asyncio.sleep(pause)
            try:
                await self.sweep(time.time())
            except Exception as error:  # noqa: BLE001  a full or missing disk must not end the house
                _log.error("sweep failed", why=type(error).__name__)
            pause = EVERY_S

    async def sweep(self, now: float) -> int:
        """Sweep at `now` (seconds since 1970); return how many clips went."""
        languages = self.settings.practice.languages
        inline = [Prompt(text=text, language=speech) for text in self.inline() for speech in languages]
        await self.studio.touch(inline, languages)
        kept = await asyncio.to_thread(lambda: set(self._spoken_by_lines()))
        removed = await asyncio.to_thread(
            self.studio.cache.sweep, now, kept, unused_s=UNUSED_S, largest=LARGEST
        )
        _log.info("prompt cache swept", removed=removed)
        return removed

    def _spoken_by_lines(self) -> Iterator[str]:
        """Give the clips that line processes play on their own; nobody would render them anew."""
        for name in embedded_lines(self.settings.plan):
            path = config_path(self.settings.data, name)
            if path.is_file():
                for did in LineConfig.load(path).dids:
                    yield from (did.fallback, did.sorry)
