"""Calls inside one loop need no real time: their seconds of sound pass in milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.media.hasty import HastyLoop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
# Here other processes or threads of pyVoIP and baresip take part, whose time is the real one.
REAL = {"test_call_screen.py", "test_process.py", "test_pyvoip.py", "test_six.py"}


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Give tests of both lines (fixture `kind`) the loop of each."""
    del config
    if "kind" in item.fixturenames:
        return {"embedded": HastyLoop, "pyvoip": asyncio.SelectorEventLoop}
    return {"real": asyncio.SelectorEventLoop} if item.path.name in REAL else {"hasty": HastyLoop}


@pytest.fixture
async def kind() -> str:
    """Both lines speak the same events and effects."""
    return "embedded" if isinstance(asyncio.get_running_loop(), HastyLoop) else "pyvoip"
