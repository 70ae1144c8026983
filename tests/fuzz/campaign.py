"""A fuzzing campaign: rounds of mutated messages against a fresh telephone each."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from unittest import mock

from sip.signalling.framing import Framer
from sip.signalling.offer import OfferError, SdpError, accept
from tests.fuzz.mutation import mutated
from tests.fuzz.target import OURS, Target

WIRE = Path(__file__).parents[1] / "sip" / "wire"
TORTURE = Path(__file__).parents[3] / "shared" / "torture"
ROUND = 200
SLOW_S = 0.25


class FindingError(AssertionError):
    """Something that must not happen, with what repeats it."""


@dataclass
class Report:
    """How far a campaign came."""

    rounds: int = 0
    messages: int = 0
    slowest_ms: float = 0.0


def corpus() -> list[bytes]:
    """Give the captured messages: ours, and RFC 4475's where they are."""
    folders = [WIRE, TORTURE] if TORTURE.is_dir() else [WIRE]
    return [path.read_bytes() for folder in folders for path in sorted(folder.glob("*.dat"))]


def campaign(seconds: float, seed: int) -> Report:
    """Fuzz for a while; raises `FindingError` at the first finding. Needs a running event loop.

    Args:
        seconds: how long, in processor time of this process.
        seed: of the first round; each round counts one up.
    """
    report, captured = Report(), corpus()
    until = time.process_time() + seconds
    while time.process_time() < until:
        one_round(seed + report.rounds, captured, report)
        report.rounds += 1
    return report


def one_round(seed: int, captured: list[bytes], report: Report) -> None:
    """Throw a round's messages at a telephone whose tags and branches follow from the seed, too."""
    chance = Random(seed)  # noqa: S311  # a finding must be repeatable
    with mock.patch("secrets.token_hex", lambda size: chance.randbytes(size).hex()):
        _round(seed, chance, captured, report)


def _round(seed: int, chance: Random, captured: list[bytes], report: Report) -> None:
    target = Target()
    seeds = target.seeds * 4 + captured
    for number in range(ROUND):
        data = mutated(chance, seeds)
        spent = _timed(target, data)
        report.messages += 1
        report.slowest_ms = max(report.slowest_ms, spent * 1000)
        if target.core.counters["internal_error"] or spent > SLOW_S:
            raise FindingError(f"seed {seed}, message {number}, {spent:.3f} s: {data!r}")
        if chance.random() < 0.02:
            target.clock.advance(chance.choice((0.5, 4.0, 33.0)))
    target.settle()
    if any(target.held.values()) or target.core.counters["internal_error"]:
        raise FindingError(f"seed {seed}: still held after everything ended: {target.held}")


def _timed(target: Target, data: bytes) -> float:
    """Feed; what took long is fed again, so that the machine's own pauses are no finding."""
    spent = [_feed_once(target, data)]
    while min(spent) > SLOW_S and len(spent) < 4:  # four in a row are no accident
        spent.append(_feed_once(target, data))
    return min(spent)


def _feed_once(target: Target, data: bytes) -> float:
    begin = time.process_time()
    _feed(target, data)
    return time.process_time() - begin


def _feed(target: Target, data: bytes) -> None:
    target.take(data)
    for found in Framer().feed(data):
        del found
    try:
        accept(data.partition(b"\r\n\r\n")[2], OURS, 1, 1)
    except (SdpError, OfferError):
        return
