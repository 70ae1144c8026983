"""Prompts rendered once for all receptions that a test run serves; files are named by what they hold."""

from __future__ import annotations

import shutil
from pathlib import Path


def lend(shelf: Path, data: Path) -> None:
    """Put what was rendered before into a new DATA folder."""
    if shelf.is_dir():
        shutil.copytree(shelf, data / "prompts", dirs_exist_ok=True)


def keep(shelf: Path, data: Path) -> None:
    """Keep what a reception has rendered, for the next one."""
    if not shelf.is_dir():
        shutil.copytree(data / "prompts", shelf)
