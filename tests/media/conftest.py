"""A running engine on loopback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest

from sip.media import kernel_filter
from sip.media.engine import MediaEngine
from sip.media.waking import Waker
from tests.media.hasty import HastyLoop
from tests.media.peers import Peer


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let the seconds of sound in these tests pass in milliseconds."""
    del config, item
    return {"hasty": HastyLoop}


WAYS = ["unfiltered", *(["filtered"] if kernel_filter.AVAILABLE else []), "polled"]


def waker() -> Waker:
    """Return the selector of the running loop, which wakes engines."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HastyLoop)
    return loop.waker


@pytest.fixture(params=WAYS)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[MediaEngine]:
    """Yield an engine: with and without the kernel's filter (where there is one), and as with many calls.

    Without the filter it is woken by the loop, as in a loop of somebody else's; else as in the line process.
    """
    # Below the ports that the system gives away by itself; at random to stay out of other tests' way.
    base = random.randrange(12000, 32000, 2)  # noqa: S311 - as said
    running = MediaEngine(
        "127.0.0.1",
        (base, base + 399),
        filtering=request.param != "unfiltered",
        timeout_s=0,
        waker=None if request.param == "unfiltered" else waker(),
    )
    running.polled_from = 1 if request.param == "polled" else running.polled_from
    running.start()
    yield running
    running.stop()


@pytest.fixture
def peers() -> Iterator[Callable[[], Peer]]:
    """Yield what makes peers."""
    made: list[Peer] = []

    def make() -> Peer:
        made.append(Peer())
        return made[-1]

    yield make
    for peer in made:
        peer.socket.close()
