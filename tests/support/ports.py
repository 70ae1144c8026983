"""Port numbers for programs that must be told theirs before they bind it.

Whoever can bind port 0 does that instead. A number that the kernel has given and taken back may be gone a
moment later: outgoing connections take theirs from the same range (Linux 32768 to 60999, macOS 49152 to
65535). The numbers given here lie below that, below those that baresip, pyVoIP, Asterisk and our line take
for sound (10000 and above), and above those of sipp (6000).
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TextIO

LOWEST, BLOCK, BLOCKS = 6144, 64, 60
SOUND = range(20_000, 32_768)
_held: list[TextIO] = []  # locks, until this process ends


def free_port() -> int:
    """Return a port that no UDP and no TCP socket of this machine has; no test is given it a second time."""
    return free_ports(1)[0]


def free_ports(many: int) -> range:
    """Return neighbouring ports like that of `free_port`.

    Args:
        many: how many, at most `BLOCK`.

    Raises:
        RuntimeError: all are given.
    """
    given = _supply(os.getpid(), many)
    for ports in given:
        if all(map(_is_free, ports)):
            return ports
    raise RuntimeError(f"all ports from {LOWEST} to {LOWEST + BLOCK * BLOCKS - 1} are given or taken")


def sound_ports(many: int) -> tuple[int, int]:
    """Return first and last of `many` ports for the sound of a server that passes over taken ones."""
    first = random.randrange(SOUND.start, SOUND.stop - many, 2)  # noqa: S311 - only to stay out of others' way
    return first, first + many - 1


@cache
def _supply(_process: int, many: int) -> Iterator[range]:
    """Give ports `many` at a time; what a block has left over is not given."""
    for first in _blocks():
        for at in range(first, first + BLOCK - many + 1, many):
            yield range(at, at + many)


def _blocks() -> Iterator[int]:
    """Give the first numbers of blocks that no living process holds.

    The two workers of a run, and runs beside each other, thus share none.
    """
    folder = Path(tempfile.gettempdir()) / f"rufweiche-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for block in random.sample(range(BLOCKS), BLOCKS):
        lock = (folder / str(block)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _held.append(lock)
        yield LOWEST + BLOCK * block


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("", port))  # every address: some peers of the tests have one of their own
            except OSError:
                return False
    return True
