"""A reception that is killed in the middle of its calls: `python mortal_reception.py FOLDER KILLS SEED`.

It says aloud what its callers were told, one line each, after they were told it:
`begun CALL` or `link CALL` ("we send you a link").
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from itertools import islice
from pathlib import Path

from callflow.flow import State
from tests.support.reception import Telephone, example_flow, handlers, sessions
from tests.support.stores import NOW, Clock, open_store


async def _caller(house: object, name: str, said: int) -> None:
    phone = Telephone(house, f"+49171{random.randint(1_000_000, 9_999_999)}", name)  # type: ignore[arg-type]  # noqa: S311
    await phone.dial()
    os.write(said, f"begun {name}\n".encode())
    await phone.press("1", "1")
    os.write(said, f"link {name}\n".encode())
    await phone.finish()


async def _receive(folder: Path, shift: int, said: int) -> None:
    house = sessions(open_store(folder), Clock())
    for number in range(10_000):
        await asyncio.gather(*(_caller(house, f"call-{shift}-{number}-{line}", said) for line in range(3)))


def _warm_up() -> None:
    """Read flow and holidays once, so that the shifts are spent on calls."""
    example_flow()
    handlers().answers["hours"](None, State("warm", ""), "praxis", NOW)  # type: ignore[arg-type]  needs no database


def main(folder: Path, kills: int, seed: int) -> None:
    """Run shifts one after another; each ends by SIGKILL after a random number of things said."""
    chance = random.Random(seed)  # noqa: S311  reproducible, no secret
    _warm_up()
    for shift in range(kills):
        heard, said = os.pipe()
        pid = os.fork()
        if pid == 0:
            asyncio.run(_receive(folder, shift, said))
        os.close(said)
        with os.fdopen(heard) as lines:
            for line in islice(lines, chance.randint(4, 20)):
                sys.stdout.write(line)
            os.kill(pid, signal.SIGKILL)
            sys.stdout.write(lines.read())  # what was said before the end counts too
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
