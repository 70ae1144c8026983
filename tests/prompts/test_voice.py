"""Voices: the built-in one and any program of the operator's; both end as clips at telephone level."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from callflow.effects import Prompt
from callflow.prompts import voice
from callflow.prompts.cache import Cache
from callflow.prompts.choice import VoiceChoice
from callflow.prompts.studio import Studio
from callflow.prompts.voice import VoiceError

TALKER = """
import io, math, struct, sys, wave
text, made = sys.stdin.read(), io.BytesIO()
with wave.open(made, "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(22050)
    tone = (int(3000 * math.sin(n / 8)) for n in range(len(text) * 1000))
    file.writeframes(b"".join(struct.pack("<h", sample) for sample in tone))
sys.stdout.buffer.write(made.getvalue())
"""


@pytest.fixture
def talker(tmp_path: Path) -> str:
    """Return the command line of a real program that speaks a tone as long as its text."""
    path = tmp_path / "talker.py"
    path.write_text(TALKER, encoding="utf-8")
    return f"{sys.executable} {path}"


@pytest.fixture
async def studio(tmp_path: Path, talker: str) -> AsyncIterator[Studio]:
    (tmp_path / "ivr" / "tr").mkdir(parents=True)
    made = Studio(
        tmp_path / "ivr", Cache(tmp_path / "cache"), {}, VoiceChoice("command", models={"tr": talker})
    )
    yield made
    await made.close()


async def test_a_program_speaks_a_language_that_the_built_in_voice_lacks(studio: Studio) -> None:
    (clip,) = await studio.clips([Prompt(text="Merhaba", language="tr")])
    facts = studio.cache.facts(clip.key)
    assert (facts.source, round(facts.dbfs)) == ("voice:command", -20)


async def test_languages_without_a_program_are_spoken_by_the_built_in_voice(studio: Studio) -> None:
    (clip,) = await studio.clips([Prompt(text="Guten Tag", language="de")])
    assert studio.cache.facts(clip.key).source == "voice:pico"


async def test_a_program_that_fails_leaves_the_tone(tmp_path: Path) -> None:
    choice = VoiceChoice("command", models={"de": f"{sys.executable} -c 'raise SystemExit(3)'"})
    studio = Studio(tmp_path, Cache(tmp_path / "cache"), {}, choice)
    (clip,) = await studio.clips([Prompt(text="Guten Tag")])
    await studio.close()
    assert studio.cache.facts(clip.key).source == "synthesis"


def test_a_program_that_never_ends_is_named_before_its_job_is_over() -> None:
    endless = f"{sys.executable} -c 'import signal; signal.pause()'"
    slow = voice.engine(VoiceChoice("command", models={"de": endless}), job_s=0.6)
    with pytest.raises(VoiceError, match="TimeoutExpired"):
        voice.speak(slow, "Guten Tag", "de")


def test_another_voice_makes_other_clips() -> None:
    choices = [VoiceChoice(), VoiceChoice(speed=1.0), VoiceChoice("command", models={"de": "a"})]
    assert len({choice.identity("de") for choice in choices}) == 3
    assert choices[2].identity("en") == VoiceChoice("command", models={"de": "b"}).identity("en")


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        (VoiceChoice("siri"), "unknown voice engine 'siri'; known: command, pico, piper"),
        (VoiceChoice("piper", models={"de": "/no/such.onnx"}), "voice model not found: /no/such.onnx"),
        (VoiceChoice("command", models={"de": "no-such-program -v"}), "program not found: no-such-program"),
    ],
)
def test_a_voice_that_is_not_there_is_named(choice: VoiceChoice, why: str) -> None:
    with pytest.raises(VoiceError) as error:
        voice.engine(choice)
    assert str(error.value) == why


@pytest.mark.parametrize("text", ["", "   ", "...", "<b></b>", "\x00", "!?"])
def test_nothing_to_say_is_a_fault_and_no_silence(text: str) -> None:
    with pytest.raises(VoiceError, match="nothing to say"):
        voice.speak(voice.engine(VoiceChoice()), text, "de")


@pytest.mark.parametrize("language", ["de", "en", "fr", "it", "es"])
def test_the_built_in_voice_speaks_without_clipping(language: str) -> None:
    sound = voice.speak(voice.engine(VoiceChoice()), "Papa, Anna, Bali, Otto. Alle Taxis!", language)
    assert sound.rate == 16_000
    assert 0.05 < float(np.abs(sound.wave).max()) < 0.999


def test_markup_is_never_interpreted_and_a_nul_cuts_nothing_off() -> None:
    pico = voice.engine(VoiceChoice())
    plain = voice.speak(pico, "Guten Tag zusammen", "de")
    marked = voice.speak(pico, "Guten <volume level='500'/> Tag\x00zusammen <", "de")
    assert abs(len(plain.wave) - len(marked.wave)) < 0.1 * len(plain.wave)


def test_a_sentence_ends_before_the_voices_long_pause() -> None:
    pico = voice.engine(VoiceChoice())
    one = len(voice.speak(pico, "Guten Tag.", "de").wave)
    two = len(voice.speak(pico, "Guten Tag. Guten Tag.", "de").wave)
    assert two == 2 * one + 16_000 * voice.SENTENCE_PAUSE_MS // 1000
