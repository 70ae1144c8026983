"""A small caller's ear: levels, and waiting for the far side to fall silent."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from callflow.g711 import RATE, SILENCE, to_alaw
from sip.hearing import Hearing
from sip.media.recording import NO_SOUND_DBFS
from sip.media.recording import dbfs as level

TONE = to_alaw((16384 * np.sin(2 * np.pi * 440 * np.arange(160) / RATE)).astype(np.int16))
QUIET = bytes([SILENCE]) * 160


def test_the_level_of_a_half_scale_sine_is_minus_nine_dbfs() -> None:
    assert level(TONE) == pytest.approx(-9.0, abs=0.2)


def test_silence_and_nothing_have_no_level() -> None:
    assert (level(b""), level(QUIET) < -70) == (NO_SOUND_DBFS, True)


def test_pauses_do_not_lower_the_active_level() -> None:
    hearing = Hearing()
    for frame in (TONE, QUIET, QUIET, TONE):
        hearing.write(frame)
    assert hearing.active_dbfs() == pytest.approx(level(TONE), abs=0.1)


async def test_silence_counts_only_after_speech() -> None:
    hearing = Hearing()
    waiting = asyncio.create_task(hearing.silence(0.04, 5))
    for frame in (QUIET, QUIET, QUIET, TONE, QUIET):
        hearing.write(frame)
        await asyncio.sleep(0)
        assert not waiting.done()
    hearing.write(QUIET)
    assert await waiting is True


async def test_words_spoken_before_do_not_count_as_the_answer() -> None:
    hearing = Hearing()
    for frame in (TONE, QUIET, QUIET, QUIET):
        hearing.write(frame)
    hearing.forget()
    assert await hearing.silence(0.04, 0.01) is False


async def test_the_end_of_the_call_ends_the_waiting() -> None:
    hearing = Hearing()
    waiting = asyncio.create_task(hearing.silence(1, 60))
    await asyncio.sleep(0)
    hearing.close()
    assert await waiting is False


def test_what_was_heard_is_saved_as_wav(tmp_path: Path) -> None:
    hearing = Hearing()
    hearing.write(TONE)
    hearing.save(tmp_path / "heard.wav")
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert (file.getframerate(), file.getnframes(), file.getsampwidth()) == (8000, 160, 2)
