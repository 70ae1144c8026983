"""Calls inside one loop need no real time: their seconds of sound pass in milliseconds."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.media.hasty import HastyLoop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
# Here other processes or threads of baresip take part, whose time is the real one.
REAL = {"test_call_screen.py", "test_process.py", "test_six.py"}
ROOT = Path(__file__).parents[2]
Shown = dict[str, Any]  # JSON


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Give tests with other processes the real clock."""
    del config
    return {"real": asyncio.SelectorEventLoop} if item.path.name in REAL else {"hasty": HastyLoop}


@pytest.fixture(scope="session")
def bare() -> Shown:
    """Let pyVoIP show what it does alone."""
    program = [sys.executable, "-m", "tests.line.bare_pyvoip"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    shown: Shown = json.loads(done.stdout.splitlines()[-1])
    return shown


@pytest.fixture(params=["embedded", "pyvoip"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both lines speak the same events and effects."""
    return str(request.param)
