"""Runs native/phones.c against a subject and reads the subject's meters around the measured window."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.bench._subjects import HOST, PHONES_CORE, USER, Subject, compiled
from tests.bench._watched import Usage, pin
from tests.bench.rows import Row

WINDOW_S = 4.0
KEYS_PER_S = 100  # of all calls together
PACKETS_PER_S = 50
MOST_S = 180


@dataclass(frozen=True, slots=True)
class Load:
    """One run's outcome.

    Args:
        calls: how many calls.
        cpu_s: CPU time that the subject took in the window.
        window_s: how long that was.
        before: what the subject used before the first call.
        during: what it used with all calls up.
        after: what it used when all were over.
        figures: what the phones measured; times in milliseconds.
    """

    calls: int
    cpu_s: float
    window_s: float
    before: Usage
    during: Usage
    after: Usage
    figures: dict[str, Any]

    @property
    def ms_per_call_second(self) -> float:
        """CPU milliseconds per call and second."""
        return 1000 * self.cpu_s / self.calls / self.window_s

    @property
    def missing(self) -> float:
        """Part of the packets that should have come and did not, 0..1."""
        expected = self.calls * self.figures["heard_s"] * PACKETS_PER_S
        return max(0.0, 1 - self.figures["received"] / expected) if expected else 1.0

    @property
    def failures(self) -> dict[str, int]:
        """Why calls failed, and how many for each reason; reasons that no call failed for are left out."""
        return {why: count for why, count in self.figures["failures"].items() if count}

    @property
    def clean(self) -> bool:
        """Every call up, no packet missing, p99 of the pacing error under 5 ms."""
        figures = self.figures
        paced = 0 <= figures["pacing"]["p99"] < 5
        return figures["up"] == self.calls and not figures["failed"] and self.missing < 0.005 and paced


def keys_s(calls: int) -> float:
    """Return how many seconds it takes until every call has pressed its key."""
    return max(2.0, calls / KEYS_PER_S)


def hold(
    subject: Subject, calls: int, *, rate: float = 200, window_s: float = WINDOW_S, speech: bool = False
) -> Load:
    """Set up `calls` calls, `rate` a second, measure while all are up, then let each press a key."""
    how = [str(rate), str(window_s), str(keys_s(calls)), *(["speech"] if speech else [])]
    return _run(subject, calls, how, window_s)


def churn(subject: Subject, calls: int, at_once: int) -> Load:
    """Make `calls` calls that are hung up as soon as they are answered, `at_once` at a time."""
    return _run(subject, calls, [str(at_once), "churn"], None)


def _run(subject: Subject, calls: int, how: list[str], window_s: float | None) -> Load:
    before = begun = during = subject.usage()
    command = [str(compiled("phones")), HOST, str(subject.port), USER, str(calls), *how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin(PHONES_CORE)) as phones:  # noqa: PLW1509 - no threads run here
        assert phones.stdout is not None
        try:
            for line in phones.stdout:
                if line.startswith("window begin"):
                    begun = subject.usage()
                elif line.startswith("window end"):
                    during = subject.usage()
                else:
                    figures = json.loads(line)
        except SystemExit:
            phones.kill()
            raise
    cpu_s = during.cpu_s - begun.cpu_s
    return Load(calls, cpu_s, window_s or figures["took"], before, during, subject.usage(), figures)


def told(*loads: Load) -> str:
    """Return in words how many calls of these runs failed, and why."""
    failures = _failures(loads)
    reasons = ", ".join(f"{why}: {count}" for why, count in failures.items())
    return f"{failures.total()} failed" + (f" ({reasons})" if reasons else "")


def failed(what: str, *loads: Load) -> Iterator[Row]:
    """Yield how many calls of these runs failed, then a row for each reason that there was."""
    failures = _failures(loads)
    yield Row(f"{what}: failed", failures.total(), "calls")
    for why, count in failures.items():
        yield Row(f"{what}: failed, {why}", count, "calls")


def _failures(loads: Iterable[Load]) -> Counter[str]:
    return sum((Counter(load.failures) for load in loads), Counter[str]())
