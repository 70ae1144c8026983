"""Keys in the sound itself."""

from __future__ import annotations

import random

import numpy as np
import pytest
import soxr
from py_nanotts import NanoTTS

from callflow import g711
from sip.media import tones
from sip.media.inband import ToneDetector, powers
from sip.media.telephone_event import KEYS

RATE = 8000


def found(sound: bytes, piece: int = 160) -> str:
    detector = ToneDetector()
    sound = tones.silence(40) + sound + tones.silence(80)
    return "".join(detector.feed(sound[start : start + piece]) for start in range(0, len(sound), piece))


def pair(row: float, column: float, ms: int = 60, level: float = -13.0, twist: float = 0.0) -> bytes:
    """Return a tone pair; `twist` is the column's level over the row's, in dB."""
    mixed = g711.from_alaw(tones.tone((row,), ms, level - twist / 2)).astype(np.int32)
    mixed += g711.from_alaw(tones.tone((column,), ms, level + twist / 2))
    return g711.to_alaw(np.clip(mixed, -32768, 32767).astype(np.int16))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("ms", [40, 50, 100, 400])
def test_every_key_of_forty_ms_and_more_is_found_once_wherever_it_begins(key: str, ms: int) -> None:
    heard = {found(tones.silence(100)[:shift] + tones.key(key, ms)) for shift in range(0, 160, 13)}
    assert heard == {key}


@pytest.mark.parametrize("piece", [80, 160, 240, 1000])
def test_keys_in_a_row_are_found_whatever_the_pieces_of_sound(piece: int) -> None:
    assert found(b"".join(tones.keys("1120#*A9", 50, 50)), piece) == "1120#*A9"


@pytest.mark.parametrize("ms", [10, 15, 20, 23])
def test_a_tone_too_short_for_a_key_is_none(ms: int) -> None:
    assert found(pair(770, 1336, ms)) == ""


def test_a_short_break_does_not_make_two_keys_of_one() -> None:
    broken = bytearray(tones.key("5", 200))
    broken[800:880] = tones.silence(10)
    assert found(bytes(broken)) == "5"


@pytest.mark.parametrize("twist", [-8, -4, 0, 4, 8])
def test_a_twist_within_the_limits_is_accepted(twist: float) -> None:
    assert found(pair(770, 1336, twist=twist)) == "5"


@pytest.mark.parametrize("twist", [-12, 12])
def test_a_twist_beyond_the_limits_is_refused(twist: float) -> None:
    assert found(pair(770, 1336, twist=twist)) == ""


@pytest.mark.parametrize("shift", [-0.015, 0.015])
def test_a_frequency_off_by_one_and_a_half_percent_is_accepted(shift: float) -> None:
    keys = [(row * (1 + shift), column * (1 - shift)) for row in tones.ROWS_HZ for column in tones.COLUMNS_HZ]
    assert "".join(found(pair(*key)) for key in keys) == "".join(tones.KEYPAD)


@pytest.mark.parametrize("shift", [-0.035, 0.035])
def test_a_frequency_off_by_three_and_a_half_percent_is_refused(shift: float) -> None:
    keys = [(row * (1 + shift), column) for row in tones.ROWS_HZ for column in tones.COLUMNS_HZ]
    keys += [(row, column * (1 + shift)) for row in tones.ROWS_HZ for column in tones.COLUMNS_HZ]
    assert [found(pair(*key)) for key in keys] == [""] * 32


def test_rows_alone_columns_alone_and_two_rows_are_no_key() -> None:
    sounds = [
        tones.tone((770.0,), 100, -13),
        tones.tone((1336.0,), 100, -13),
        pair(697, 941),
        pair(1209, 1477),
    ]
    assert [found(sound) for sound in sounds] == [""] * 4


@pytest.mark.parametrize(("level", "heard"), [(-3.0, "5"), (-33.0, "5"), (-45.0, "")])
def test_a_key_counts_down_to_its_lowest_level(level: float, heard: str) -> None:
    assert found(pair(770, 1336, level=level)) == heard


def test_a_key_is_found_in_noise_fifteen_db_below_it() -> None:
    noise = np.random.default_rng(3).standard_normal(8 * 60) * 32768 * 10 ** (-28 / 20)
    noisy = g711.from_alaw(pair(770, 1336)) + noise
    assert found(g711.to_alaw(noisy.astype(np.int16))) == "5"


def test_the_measured_power_is_that_of_goertzels_recurrence() -> None:
    block = np.random.default_rng(1).standard_normal(204) * 1000
    ours = powers(block[None].astype(np.float32))[0]
    for hertz, measured in zip((*tones.ROWS_HZ, *tones.COLUMNS_HZ), ours, strict=True):
        theirs = [goertzel(block, hertz * (1 + 0.006 * step)) for step in range(-6, 7)]
        assert measured == pytest.approx(theirs, rel=1e-3, abs=1)


def goertzel(block: np.ndarray, hertz: float) -> float:
    coefficient = 2 * np.cos(2 * np.pi * hertz / RATE)
    before = last = 0.0
    for sample in block:
        before, last = last, sample + coefficient * last - before
    return float(2 * (before**2 + last**2 - coefficient * before * last) / len(block) ** 2)


SPEEDS = (0.88, 0.94, 1.0, 1.06, 1.12)


def speech(seconds: float) -> bytes:
    """Return German sentences in many voices, each at several speeds, as loud as a caller speaks."""
    voice, chance, spoken = NanoTTS(), random.Random(5), bytearray()  # noqa: S311 - repeatable on purpose
    while len(spoken) < seconds * RATE:
        text = chance.choice(SENTENCES).format(*(chance.randint(10, 99) for _ in range(4)))
        speed, pitch = chance.uniform(0.8, 1.3), chance.uniform(0.7, 1.6)
        pcm = np.frombuffer(voice.speak(text, voice="de-DE", speed=speed, pitch=pitch, volume=0.4), np.int16)
        for faster in SPEEDS:
            wave = soxr.resample(pcm.astype(np.float32), 16000 * faster, RATE)
            wave *= 3277 / np.sqrt(np.mean(wave * wave))  # -20 dBFS
            spoken += g711.to_alaw(np.clip(wave, -32768, 32767).astype(np.int16))
    return bytes(spoken)


SENTENCES = (
    "Guten Tag, ich möchte einen Termin am {}ten Juni um {} Uhr {}, mein Name ist Öztürk.",
    "Meine Nummer ist null {} {} {} {}, bitte rufen Sie mich zurück.",
    "Ich brauche ein neues Rezept für Ramipril {} Milligramm, {} Stück.",
    "Seit {} Tagen habe ich Husten und fast {} Grad Fieber.",
    "Können Sie mir die Überweisung zum Orthopäden schicken, Postleitzahl {} {} drei?",
)


def test_fifteen_minutes_of_speech_hold_no_key_and_a_key_pressed_between_them_is_found() -> None:
    detector, spoken = ToneDetector(), speech(900)
    assert detector.feed(spoken) == ""
    assert detector.feed(tones.silence(40) + tones.key("7", 60) + tones.silence(40)) == "7"
