"""`rufweiche say` and `rufweiche prompts`: what people hear and see of the prompts."""

import wave
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from callflow.prompts import console
from callflow.prompts.cache import Cache
from callflow.prompts.studio import Rendered, Studio
from tests.prompts.conftest import Lend


def paper() -> tuple[Console, StringIO]:
    text = StringIO()
    return Console(file=text, width=200), text


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "ivr_prompts"
    (folder / "de").mkdir(parents=True)
    (folder / "de" / "kurz.j2").write_text("Guten Tag.", encoding="utf-8")
    return folder


def booth(shelf: Path) -> Studio:
    return Studio(shelf, Cache(shelf.parent / "cache"))


async def test_a_text_is_written_as_a_wav_at_telephone_level(shelf: Path, tmp_path: Path) -> None:
    out, (screen, text) = tmp_path / "a.wav", paper()
    status = await console.say(booth(shelf), "Mo-Fr 8-12 Uhr", "de", out=out, console=screen)
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
    assert status == 0
    assert 16_000 < len(samples) < 40_000
    assert 3_000 < np.abs(samples).max() < 32_767
    assert "Mo-Fr 8-12 Uhr" in text.getvalue()


async def test_a_prompts_name_speaks_that_prompt(shelf: Path, tmp_path: Path) -> None:
    long, short = tmp_path / "long.wav", tmp_path / "short.wav"
    await console.say(booth(shelf), "kurz", "de", out=short, console=paper()[0])
    await console.say(booth(shelf), "kurz, kurz, kurz, kurz", "de", out=long, console=paper()[0])
    assert short.stat().st_size < long.stat().st_size


async def test_a_text_that_can_not_be_spoken_is_told(shelf: Path) -> None:
    screen, text = paper()
    assert await console.say(booth(shelf), "{{ practice.secret }}", "de", console=screen) == 1
    assert "no value for practice.secret" in text.getvalue()


async def test_without_a_player_the_sound_is_kept_as_a_file(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    screen, text = paper()
    assert await console.say(booth(shelf), "Guten Tag", "de", console=screen) == 0
    assert (tmp_path / "say.wav").stat().st_size > 8000
    assert "kein Abspielprogramm" in text.getvalue()


async def test_the_table_shows_duration_level_source_and_what_is_wrong(
    shelf: Path, tmp_path: Path, lend_digits: Lend
) -> None:
    lend_digits(tmp_path / "cache")
    (shelf / "de" / "fehlt.j2").write_text("{% for", encoding="utf-8")
    (shelf / "manifest.yaml").write_text("prompts: {kurz: {purpose: Gruß, longest: 0.5}}", encoding="utf-8")
    screen, text = paper()
    status = await console.prompts(Studio(shelf, Cache(tmp_path / "cache")), ["de"], console=screen)
    rows = {line.split("│")[1].strip(): line for line in text.getvalue().splitlines() if "│" in line}
    assert status == 1
    assert ("voice:pico" in rows["kurz"], "overlong" in rows["kurz"], "-20" in rows["kurz"]) == (
        True,
        True,
        True,
    )
    assert "TemplateSyntaxError" in rows["fehlt"]
    assert "digits 00" not in rows


def row(**facts: object) -> Rendered:
    return Rendered(
        "x", "de", **{"ms": 1000, "dbfs": -20.0, "peak_dbfs": -3.0, "source": "voice:pico", **facts}
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "flags"),
    [
        ({}, ()),
        ({"dbfs": -72.2}, ("silence",)),
        ({"dbfs": -40.0}, ("too quiet",)),
        ({"dbfs": -10.0, "peak_dbfs": 0.0}, ("too loud", "clipping")),
        ({"ms": 20_001}, ("overlong",)),
        ({"ms": 120_000, "source": "synthesis"}, ()),
        ({"problem": "kaputt"}, ("kaputt",)),
        ({"needs": ("number",), "ms": 0}, ()),
    ],
)
def test_what_callers_would_mind_is_flagged(facts: dict[str, object], flags: tuple[str, ...]) -> None:
    assert console.flags(row(**facts), 20_000) == flags
