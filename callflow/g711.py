"""G.711: A-law and mu-law sound against 16-bit samples, by table (ITU-T G.711, tables 1 and 2).

All sound that rests in the house is A-law, one byte a sample, 8,000 samples a second; mu-law exists only on
the wire of peers that ask for it (`A_TO_U`, `U_TO_A` with `bytes.translate`).
"""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

RATE = 8000  # samples (and bytes) a second
FRAME = 160  # bytes of 20 ms
SILENCE = 0xD5  # A-law code of the smallest positive sample

Samples = NDArray[np.int16]


def _a_to_linear(code: int) -> int:
    """Return the sample of one A-law code (13 bits, scaled to 16)."""
    bits = code ^ 0x55
    segment, step = (bits >> 4) & 7, bits & 0x0F
    size = (step << 4) + 8 if segment == 0 else ((step << 4) + 0x108) << (segment - 1)
    return size if bits & 0x80 else -size


def _u_to_linear(code: int) -> int:
    """Return the sample of one mu-law code (14 bits, scaled to 16)."""
    bits = ~code & 0xFF
    size = ((((bits & 0x0F) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84
    return -size if bits & 0x80 else size


def _linear_to_a(sample: int) -> int:
    size = sample >> 3  # the law knows 13 bits
    sign = 0xD5 if size >= 0 else 0x55
    if size < 0:
        size = -size - 1
    segment = max(size.bit_length() - 5, 0)
    step = size >> 1 if segment < 2 else size >> segment  # noqa: PLR2004 - segments 0 and 1 share a step
    return ((segment << 4) | (step & 0x0F)) ^ sign


def _linear_to_u(sample: int) -> int:
    size = min(abs(sample >> 2), 8158) + 33  # 14 bits, clipped, biased
    segment = size.bit_length() - 6
    code = (segment << 4) | ((size >> (segment + 1)) & 0x0F)
    return code ^ (0xFF if sample >= 0 else 0x7F)


_RANGE = range(-32768, 32768)
_FROM_A: Samples = np.array([_a_to_linear(code) for code in range(256)], dtype=np.int16)
_FROM_U: Samples = np.array([_u_to_linear(code) for code in range(256)], dtype=np.int16)
_TO_A = np.roll(np.array([_linear_to_a(sample) for sample in _RANGE], dtype=np.uint8), 32768)
_TO_U = np.roll(np.array([_linear_to_u(sample) for sample in _RANGE], dtype=np.uint8), 32768)

A_TO_U = bytes(_TO_U[_FROM_A.view(np.uint16)])
U_TO_A = bytes(_TO_A[_FROM_U.view(np.uint16)])


def to_alaw(samples: Samples) -> bytes:
    """Return `samples` (shape (n,)) as n bytes of A-law."""
    return _TO_A[samples.view(np.uint16)].tobytes()


def from_alaw(sound: bytes) -> Samples:
    """Return n bytes of A-law as samples of shape (n,)."""
    return _FROM_A[np.frombuffer(sound, dtype=np.uint8)]


def to_ulaw(samples: Samples) -> bytes:
    """Return `samples` (shape (n,)) as n bytes of mu-law."""
    return _TO_U[samples.view(np.uint16)].tobytes()


def from_ulaw(sound: bytes) -> Samples:
    """Return n bytes of mu-law as samples of shape (n,)."""
    return _FROM_U[np.frombuffer(sound, dtype=np.uint8)]


def wav(alaw: bytes) -> bytes:
    """Return A-law as a WAV file of 16-bit samples, which browsers, players and Twilio take."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(from_alaw(alaw).tobytes())
    return file.getvalue()
