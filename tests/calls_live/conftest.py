"""One reception and one phone for all live calls of a module: starting them takes longer than any call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.calls_live.phones import Baresip
from tests.calls_live.served import Reception, reception
from tests.media.hasty import HastyLoop
from tests.support import rendered
from tests.support.certificates import lay


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let time run ahead where every peer is written by hand; the other telephones keep the real one."""
    del config
    if item.path.name == "test_early_media.py":
        return {"hasty": HastyLoop}
    return {"real": asyncio.SelectorEventLoop}


@pytest.fixture(scope="package")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, cert.pem and key.pem."""
    return lay(tmp_path_factory.mktemp("papers"))


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def house(tmp_path_factory: pytest.TempPathFactory, papers: Path) -> AsyncIterator[Reception]:
    folder, shelf = tmp_path_factory.mktemp("house"), tmp_path_factory.getbasetemp() / "rendered"
    rendered.lend(shelf, folder / "data")
    async with reception(folder, papers) as served:
        rendered.keep(shelf, served.data)
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def phone(papers: Path) -> AsyncIterator[Baresip]:
    async with Baresip(papers / "ca.pem") as stack:
        yield stack
