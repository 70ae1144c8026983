"""Run a long campaign: `python -m tests.fuzz [seconds] [seed]`."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys

import structlog

from tests.fuzz.campaign import campaign

TEN_MINUTES_S = 600.0


async def main(seconds: float, seed: int) -> None:
    """Fuzz and say how it went."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sys.stdout.write(f"fuzzing for {seconds:.0f} s from seed {seed}\n")
    report = campaign(seconds, seed)
    sys.stdout.write(
        f"{report.messages} messages in {report.rounds} rounds, "
        f"slowest {report.slowest_ms:.1f} ms, nothing found\n"
    )


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(
        main(
            float(given[0]) if given else TEN_MINUTES_S,
            int(given[1]) if len(given) > 1 else secrets.randbelow(2**31),
        )
    )
