"""The practice's own voice replaces any prompt; what can't be read falls back to the built-in voice."""

from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest

from callflow.effects import Prompt
from callflow.prompts import recordings
from callflow.prompts.cache import Cache
from callflow.prompts.recordings import RecordingError
from callflow.prompts.studio import Studio
from tests.prompts.conftest import Lend

CODECS = {"wav": "pcm_s16le", "mp3": "libmp3lame", "m4a": "aac"}


def record(path: Path, *, seconds: float = 2.0, rate: int = 44_100, channels: str = "stereo") -> Path:
    """Write a tone at -40 dBFS, much too quiet for a telephone."""
    moments = np.arange(round(seconds * rate)) / rate
    mono = (0.014 * 32767 * np.sin(2 * np.pi * 440 * moments)).astype(np.int16)
    count = 2 if channels == "stereo" else 1
    with av.open(str(path), "w", format="ipod" if path.suffix == ".m4a" else None) as container:
        stream = container.add_stream(CODECS[path.suffix[1:]], rate=rate, layout=channels)
        frame = av.AudioFrame.from_ndarray(np.repeat(mono, count)[None, :], format="s16", layout=channels)
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    folder = tmp_path / "ivr_prompts" / "de"
    folder.mkdir(parents=True)
    (folder / "greeting.j2").write_text("Guten Tag.", encoding="utf-8")
    made = Studio(folder.parent, Cache(tmp_path / "cache"))
    yield made
    await made.close()


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("channels", ["mono", "stereo"])
async def test_a_recording_replaces_the_voice_at_the_house_level(
    studio: Studio, suffix: str, channels: str
) -> None:
    record(studio.folder / "de" / f"greeting.{suffix}", channels=channels)
    (clip,) = await studio.clips([Prompt("greeting")])
    facts = studio.cache.facts(clip.key)
    assert (facts.source, round(facts.dbfs)) == ("recording", -20)
    assert 2000 <= clip.ms <= 2300


async def test_a_recording_above_the_languages_serves_them_all(studio: Studio) -> None:
    record(studio.folder / "music.wav")
    (clip,) = await studio.clips([Prompt("music", language="en")])
    assert studio.cache.facts(clip.key).source == "recording"


async def test_without_its_recording_a_prompt_is_spoken_by_the_voice(studio: Studio) -> None:
    path = record(studio.folder / "de" / "greeting.wav")
    await studio.clips([Prompt("greeting")])
    path.unlink()
    (clip,) = await studio.clips([Prompt("greeting")])
    assert studio.cache.facts(clip.key).source == "voice:pico"


async def test_a_damaged_recording_is_reported_and_the_voice_speaks(
    studio: Studio, lend_digits: Lend
) -> None:
    lend_digits(studio.cache.folder)
    (studio.folder / "de" / "greeting.mp3").write_bytes(b"no sound at all" * 100)
    (clip,) = await studio.clips([Prompt("greeting")])
    assert studio.cache.facts(clip.key).source == "voice:pico"
    done = {one.name: one for one in await studio.render_all(["de"]) if not one.name.startswith("digits")}
    assert done["greeting"].problem == "RecordingError: greeting.mp3: no readable sound (InvalidDataError)"
    assert done["greeting"].source == "voice:pico"


async def test_a_new_recording_is_heard_without_a_restart(studio: Studio) -> None:
    record(studio.folder / "de" / "greeting.wav", seconds=1)
    first = await studio.clips([Prompt("greeting")])
    record(studio.folder / "de" / "greeting.wav", seconds=3)
    second = await studio.clips([Prompt("greeting")])
    assert second[0].ms - first[0].ms in range(1800, 2200)


def test_a_recording_of_ten_minutes_and_more_is_refused(tmp_path: Path) -> None:
    path = record(tmp_path / "long.wav", seconds=601, rate=8000, channels="mono")
    with pytest.raises(RecordingError, match=r"long\.wav: longer than 600 s"):
        recordings.read(path)


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"\x00" * 4096, b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\xff" * 200]
)
def test_a_file_without_sound_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"bad\.wav"):
        recordings.read(path)
