"""The sweep of the prompt cache leaves alone what flows and lines say."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callflow.bootstrap.line import Announcements, config_path, embedded_lines, line_config
from callflow.bootstrap.places import Options, settings
from callflow.bootstrap.tidying import Tidying
from callflow.effects import Prompt
from callflow.prompts.cache import Cache, ClipFacts
from callflow.prompts.studio import Studio
from callflow.settings import Settings
from tests.support.flows import ROOT

FACTS = ClipFacts(ms=20, dbfs=-20.0, peak_dbfs=-3.0, source="voice:pico")
LONG_AGO = 1_000_000_000.0
NOW = 2_000_000_000.0


@pytest.fixture
def house(tmp_path: Path) -> Settings:
    (tmp_path / "ivr_prompts/de").mkdir(parents=True)
    (tmp_path / "ivr_prompts/de/gruss.j2").write_text("Guten Tag.", encoding="utf-8")
    found = settings(Options(tmp_path / "data", ROOT / "config", tmp_path / "ivr_prompts"))
    practice = found.practice.model_copy(update={"languages": ("de",)})
    return found.model_copy(update={"practice": practice})


@pytest.fixture
async def studio(house: Settings) -> AsyncIterator[Studio]:
    made = Studio(house.prompts, Cache(house.data / "prompts"))
    yield made
    await made.close()


def old(studio: Studio, *keys: str) -> None:
    """Let clips look as if nobody had used them for years."""
    for key in keys:
        path = studio.cache.folder / key[:2] / f"{key}.al"
        os.utime(path, (LONG_AGO, LONG_AGO))


async def test_prompts_texts_of_flows_and_the_lines_own_announcements_stay(
    house: Settings, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callflow.prompts.shelf._digits", lambda _: ())  # their 220 clips take seconds
    ((name, line),) = embedded_lines(house.plan).items()
    (house.data / "run").mkdir(parents=True)
    spoken = Announcements(fallback="fallback-clip", sorry="sorry-clip")
    line_config(house, name, line, spoken).save(config_path(house.data, name))
    for key in ("fallback-clip", "sorry-clip", "forgotten"):
        studio.cache.put(key, bytes(160), FACTS)
    said = await studio.clips([Prompt("gruss"), Prompt(text="Auf Wiederhören.")])
    old(studio, "fallback-clip", "sorry-clip", "forgotten", *(clip.key for clip in said))
    fresh = Studio(house.prompts, Cache(house.data / "prompts"))
    try:
        assert await Tidying(house, fresh, lambda: ["Auf Wiederhören."]).sweep(NOW) == 1
    finally:
        await fresh.close()
    left = set(fresh.cache.keys())
    assert {"fallback-clip", "sorry-clip", *(clip.key for clip in said)} <= left
    assert "forgotten" not in left
