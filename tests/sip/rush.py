"""Fifty calls a second from sipp: for a minute by `python -m tests.sip.rush`, for seconds in the suite."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from sip.signalling.leg import Leg
from tests.bench.rows import Row, write
from tests.sip.peer import OURS, house, settings
from tests.sip.sipp import Sipp

RATE = 50  # calls per second
SECONDS = 60


def _answers(leg: Leg) -> None:
    leg.ring()
    leg.answer(OURS)


async def rush(seconds: int, folder: Path) -> dict[str, int]:
    """Let sipp call; it fails unless every single call went as its scenario says.

    Args:
        seconds: how long new calls begin.
        folder: where sipp writes what went wrong.

    Returns:
        How many calls there were, and what is still held after the last one.
    """
    # With the timers of the real world: a busy machine must not look like a lost ACK.
    async with house(settings(requests_per_s=0, t1_s=0.5), _answers) as home:
        host, port = home.phone.address()
        calls = RATE * seconds
        many = ("-m", str(calls), "-r", str(RATE), "-l", str(calls), "-timeout", str(seconds + 60))
        await Sipp("lost-ack", folder, f"{host}:{port}", *many, limit_s=seconds + 90).run()
        async with asyncio.timeout(20):
            while home.phone.load["legs"]:  # noqa: ASYNC110 - the last BYE may still be on its way
                await asyncio.sleep(0.01)
        load = home.phone.load
        counters = home.phone.counters
        return {
            "calls": counters["calls"],
            "faults": counters["internal_error"],
            "legs": load["legs"],
            "dialogs": load["dialogs"],
        }


def main() -> None:
    """Make the full minute and write it down."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(rush(seconds, Path(folder)))
    what = f"sipp, {RATE} calls a second for {seconds} s: "
    write("sip-rush", [Row(what + name, float(value), "") for name, value in outcome.items()])
    if outcome != {"calls": RATE * seconds, "faults": 0, "legs": 0, "dialogs": 0}:
        sys.exit(1)


if __name__ == "__main__":
    if shutil.which("sipp") is None:
        sys.exit("sipp is not installed")
    main()
