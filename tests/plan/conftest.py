"""A configuration folder with the number plan of `tests.support.plans`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.plans import LINES, ROOT


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    (folder / "lines.yaml").write_text(LINES)
    return folder
