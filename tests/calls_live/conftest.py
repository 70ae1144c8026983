"""One reception and one phone for all live calls of a module: starting them takes longer than any call."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.calls_live.phones import Baresip
from tests.calls_live.served import Reception, reception


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reception]:
    async with reception(tmp_path_factory.mktemp("house")) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def phone() -> AsyncIterator[Baresip]:
    async with Baresip() as stack:
        yield stack
