"""Mutating messages: a seeded random number decides, so that every finding can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.sip.grammar import SPICE

_NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"255",
    b"256",
    b"65536",
    b"2147483647",
    b"2147483648",
    b"4294967296",
    b"9" * 40,
)


def mutated(chance: Random, seeds: Sequence[bytes]) -> bytes:
    """Give one of the seeds with one to eight things done to it."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        chance.choice(_DEEDS)(chance, data, seeds)
    return bytes(data[:60_000])


def _flip(chance: Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _cut(chance: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    del data[at : at + chance.randrange(1, 40)]


def _truncate(chance: Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _spice(chance: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(SPICE) * chance.choice((1, 1, 2, 50))


def _repeat_line(chance: Random, data: bytearray, _: Sequence[bytes]) -> None:
    lines = bytes(data).split(b"\r\n")
    at = chance.randrange(len(lines))
    lines[at:at] = [lines[at]] * chance.choice((1, 1, 2, 300))
    data[:] = b"\r\n".join(lines)


def _swap_lines(chance: Random, data: bytearray, _: Sequence[bytes]) -> None:
    lines = bytes(data).split(b"\r\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    data[:] = b"\r\n".join(lines)


def _number(chance: Random, data: bytearray, _: Sequence[bytes]) -> None:
    digits = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
    if not digits:
        return
    start = end = chance.choice(digits)
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    data[start:end] = chance.choice(_NUMBERS)


def _splice(chance: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    at = chance.randrange(len(data) + 1)
    data[at:] = other[chance.randrange(len(other) + 1) :]


def _borrow_line(chance: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    """Put a line of another message into this one: valid pieces in places that nobody thought of."""
    lines = bytes(data).split(b"\r\n")
    lines[chance.randrange(len(lines))] = chance.choice(chance.choice(seeds).split(b"\r\n"))
    data[:] = b"\r\n".join(lines)


_DEEDS = (_flip, _cut, _truncate, _spice, _repeat_line, _swap_lines, _number, _splice, _borrow_line)
