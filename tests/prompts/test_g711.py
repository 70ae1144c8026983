"""G.711 by table equals the recommendation."""

import io
import wave

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from callflow import g711

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


def test_a_law_knows_the_values_of_the_recommendations_table() -> None:
    """ITU-T G.711 table 1a: decision values 0, 1, 2048 and 4096 of 13 bits, scaled to 16, and both signs."""
    samples = np.array([0, 8, 16 * 1024, 32767, -1, -32768], dtype=np.int16)
    assert g711.to_alaw(samples).hex(" ") == "d5 d5 a5 aa 55 2a"
    assert g711.from_alaw(bytes([0xD5, 0x55, 0xAA, 0x2A])).tolist() == [8, -8, 32256, -32256]


def test_mu_law_knows_silence_and_both_ends() -> None:
    samples = np.array([0, 32767, -32768], dtype=np.int16)
    assert g711.to_ulaw(samples).hex(" ") == "ff 80 00"
    assert g711.from_ulaw(bytes([0xFF, 0x80, 0x00])).tolist() == [0, 32124, -32124]


def test_every_code_survives_the_way_through_samples() -> None:
    assert g711.to_alaw(g711.from_alaw(EVERY_CODE)) == EVERY_CODE
    codes = EVERY_CODE.replace(b"\x7f", b"\xff")  # mu-law has two zeros
    assert g711.to_ulaw(g711.from_ulaw(EVERY_CODE)) == codes


def test_a_wav_file_holds_the_sound_as_16_bit_samples() -> None:
    with wave.open(io.BytesIO(g711.wav(EVERY_CODE))) as file:
        assert file.getparams()[:4] == (1, 2, 8000, 256)
        samples = np.frombuffer(file.readframes(256), np.int16)
    assert g711.to_alaw(samples) == EVERY_CODE


def test_quantising_errs_by_at_most_half_a_step() -> None:
    heard = g711.from_alaw(g711.to_alaw(EVERY_SAMPLE)).astype(int)
    error = np.abs(heard - EVERY_SAMPLE)
    step = np.maximum(16, 2 ** (np.floor(np.log2(np.maximum(np.abs(EVERY_SAMPLE.astype(int)), 1))) - 4))
    assert int((error > step / 2 + 1).sum()) == 0


def test_translation_between_the_laws_equals_the_way_through_samples() -> None:
    assert EVERY_CODE.translate(g711.A_TO_U) == g711.to_ulaw(g711.from_alaw(EVERY_CODE))
    assert EVERY_CODE.translate(g711.U_TO_A) == g711.to_alaw(g711.from_ulaw(EVERY_CODE))


@given(arrays(np.int16, 40))
def test_encoding_twice_changes_nothing(samples: g711.Samples) -> None:
    once = g711.to_alaw(samples)
    assert g711.to_alaw(g711.from_alaw(once)) == once
