"""A supervised process ends when its supervisor is gone, however that died: nothing is left running unseen.

The supervisor holds the writing end of a pipe that is the child's standard input; the kernel closes it with
the supervisor. The child is told by an environment variable that it has such a parent.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

VARIABLE = "RUFWEICHE_SUPERVISED"


def watch(gone: Callable[[], None]) -> None:
    """Call `gone` once the supervisor is gone; without one, nothing happens. Needs a running event loop."""
    if not os.environ.get(VARIABLE):
        return
    loop = asyncio.get_running_loop()
    pipe = sys.stdin.fileno()

    def readable() -> None:
        if not os.read(pipe, 64):
            loop.remove_reader(pipe)
            gone()

    loop.add_reader(pipe, readable)
