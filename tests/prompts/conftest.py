"""Speech that tests share, for speaking a hundred pairs of digits takes seconds."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from callflow.prompts.cache import Cache
from callflow.prompts.studio import Studio

Lend = Callable[[Path], None]


@pytest.fixture(scope="session")
def lend_digits(tmp_path_factory: pytest.TempPathFactory) -> Lend:
    """Put what the house says in German, without any prompt of a practice, into a prompt cache."""
    shelf, spoken = tmp_path_factory.mktemp("shelf"), tmp_path_factory.mktemp("spoken")
    asyncio.run(_speak(Studio(shelf, Cache(spoken))))

    def lend(cache: Path) -> None:
        shutil.copytree(spoken, cache, dirs_exist_ok=True)

    return lend


async def _speak(studio: Studio) -> None:
    await studio.render_all(["de"])
    await studio.close()
