"""Peers written by hand share the loop of the telephone: their seconds of waiting pass in milliseconds.

A stalled machine thus repeats no request and gives up no call in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.media.hasty import HastyLoop

# Here other processes or threads take part, whose time is the real one.
REAL = {"test_asterisk.py", "test_baresip.py", "test_scenarios.py"}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give tests with other processes the real clock."""
    del config
    return {"real": asyncio.SelectorEventLoop} if item.path.name in REAL else {"hasty": HastyLoop}
