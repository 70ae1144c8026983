"""From prompt to clip: a new sentence, a cached prompt, a number read back; beside bare engines.

The peers only make sound at their own rate: py-nanotts called directly, espeak-ng as a process that writes a
WAV. Ours also goes to the worker process and back, reads numbers and times as words, resamples, levels,
encodes and stores.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from shutil import which

from py_nanotts import NanoTTS

from callflow.effects import Prompt
from callflow.prompts.cache import Cache
from callflow.prompts.studio import Studio
from tests.bench.rows import Row, write
from tests.support.flows import PROMPTS

ROUNDS = 60
FACTS = {"": {"practice.name": "Hausarztpraxis am Lindenplatz", "practice.phone": "", "practice.address": ""}}
SENTENCE = "Wir sind am Montag, dem {day}. Dezember, um 8:30 Uhr wieder für Sie da."


async def _each(job: Callable[[int], Awaitable[object]]) -> list[float]:
    """Return the milliseconds of each round."""
    times = []
    for number in range(ROUNDS):
        begin = time.perf_counter()
        await job(number)
        times.append((time.perf_counter() - begin) * 1000)
    return times


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def _nanotts() -> list[float]:
    engine, times = NanoTTS(), []
    for number in range(ROUNDS):
        text = SENTENCE.format(day=number % 31 + 1)
        begin = time.perf_counter()
        engine.speak(text, voice="de-DE", speed=0.95, volume=0.4)
        times.append((time.perf_counter() - begin) * 1000)
    return times


def _espeak() -> list[float]:
    times = []
    for number in range(ROUNDS):
        command = ["espeak-ng", "-v", "de", "--stdout", SENTENCE.format(day=number % 31 + 1)]
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append((time.perf_counter() - begin) * 1000)
    return times


async def _measured(folder: Path) -> list[Row]:
    studio = Studio(PROMPTS, Cache(folder), FACTS)
    await studio.start()

    def sentence(number: int) -> Awaitable[object]:
        # a place in the queue makes each sentence new to the cache
        values = (("place", str(number)),)
        text = SENTENCE.format(day=number % 31 + 1) + " Platz {{ place }}."
        return studio.clips([Prompt(text=text, values=values)])

    def readback(number: int) -> Awaitable[object]:
        return studio.clips([Prompt("link_readback", values=(("number", f"0171 23{number:02d}678"),))])

    try:
        new = await _each(sentence)
        cached = await _each(lambda _: studio.clips([Prompt("greeting")]))
        first = await _each(readback)
        again = await _each(readback)
    finally:
        await studio.close()
    bare = _nanotts()
    espeak = _espeak() if which("espeak-ng") else []
    rows = [
        Row(
            "new sentence to clip, median",
            statistics.median(new),
            "ms",
            "py-nanotts alone",
            statistics.median(bare),
        ),
        Row("new sentence to clip, p99", _p99(new), "ms", "py-nanotts alone", _p99(bare)),
        Row("cached prompt, median", statistics.median(cached), "ms"),
        Row("number read back, digits new, p99", _p99(first), "ms"),
        Row("number read back, digits cached, p99", _p99(again), "ms"),
    ]
    if espeak:
        rows.append(
            Row(
                "new sentence to clip, median",
                statistics.median(new),
                "ms",
                "espeak-ng",
                statistics.median(espeak),
            )
        )
    return rows


def main() -> None:
    """Measure and write the rows."""
    with tempfile.TemporaryDirectory() as folder:
        write("speech", asyncio.run(_measured(Path(folder))))
