"""Sound is made fit for the telephone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow import g711
from callflow.prompts import sound, tones
from callflow.prompts.sound import Sound


def tone(hertz: float, seconds: float, rate: int, size: float = 0.5) -> sound.Wave:
    return size * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def test_a_full_scale_sine_measures_three_db_under_full_scale() -> None:
    assert round(sound.active_dbfs(tone(440, 1, 8000, 1.0)), 1) == -3.0


def test_pauses_do_not_count_in_the_active_level() -> None:
    speech = tone(440, 1, 8000)
    assert sound.active_dbfs(np.concatenate([speech, np.zeros(16000)])) == pytest.approx(
        sound.active_dbfs(speech)
    )


@given(st.floats(0.001, 1.0), st.sampled_from([8000, 16000, 22050, 44100, 48000]))
def test_every_loudness_and_rate_comes_out_at_the_house_level_in_whole_frames(size: float, rate: int) -> None:
    wave = sound.for_phone(Sound(tone(440, 0.5, rate, size), rate), emphasis=False)
    assert (round(sound.active_dbfs(wave)), len(wave) % g711.FRAME) == (-20, 0)


def test_quiet_before_and_after_is_cut_to_the_asked_silence() -> None:
    wave = np.concatenate([np.zeros(8000), tone(440, 1, 8000), np.zeros(8000)])
    made = sound.for_phone(Sound(wave, 8000), emphasis=False, lead_ms=40, tail_ms=120)
    assert 1000 + 160 <= len(made) / 8 <= 1000 + 160 + 80


def test_silence_stays_silence() -> None:
    made = sound.for_phone(Sound(np.zeros(8000), 8000), emphasis=True, tail_ms=20)
    assert (len(made), float(np.abs(made).max())) == (160, 0.0)


@given(st.floats(0.0, 50.0))
def test_nothing_leaves_the_limiter_over_full_scale(size: float) -> None:
    assert float(np.abs(sound.limit(np.array([size, -size]))).max()) < 1.0


def test_the_limiter_leaves_speech_level_untouched() -> None:
    wave = tone(440, 0.1, 8000, 0.6)
    assert sound.limit(wave).tolist() == wave.tolist()


def test_pre_emphasis_lifts_consonants_over_vowels() -> None:
    rate = 8000
    mixed = tone(200, 1, rate) + tone(3000, 1, rate)
    spectrum = np.abs(np.fft.rfft(sound.for_phone(Sound(mixed, rate), emphasis=True, tail_ms=0)[:rate]))
    low, high = (float(spectrum[hertz - 20 : hertz + 20].max()) for hertz in (200, 3000))
    assert (
        round(20 * np.log10(high / low)) == round(20 * np.log10(np.abs(1 + 0.8 * 0.69) / np.abs(1 - 0.8))) - 1
    )


def test_facts_tell_what_is_heard() -> None:
    alaw = sound.to_alaw(tone(440, 1, 8000, 0.5))
    facts = sound.facts(alaw, "voice:pico")
    assert (facts.ms, round(facts.dbfs), round(facts.peak_dbfs), facts.source) == (1000, -9, -6, "voice:pico")


@pytest.mark.parametrize(("name", "dbfs"), [("music", -30), ("beep", -22)])
def test_our_own_sounds_have_their_level(name: str, dbfs: int) -> None:
    made = tones.make(name)
    assert (round(sound.active_dbfs(made)), len(made) % g711.FRAME) == (dbfs, 0)


def test_the_music_repeats_without_a_seam() -> None:
    wave = tones.music()
    steps = np.abs(np.diff(wave))
    assert abs(wave[0] - wave[-1]) <= steps.max()
