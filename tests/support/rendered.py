"""Prompts rendered once for all receptions that a test run serves; files are named by what they hold."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lend(shelf: Path, data: Path) -> None:
    """Put what was rendered before into a new DATA folder."""
    if shelf.is_dir():
        shutil.copytree(shelf, data / "prompts", dirs_exist_ok=True)


def keep(shelf: Path, data: Path) -> None:
    """Keep what a reception has rendered, for the next one."""
    if not shelf.is_dir():
        shutil.copytree(data / "prompts", shelf)


class Speaking:
    """The example practice's prompts, being rendered beside tests that wait for telephones.

    Args:
        shelf: where they lie afterwards.
    """

    def __init__(self, shelf: Path) -> None:
        self._shelf, self._data = shelf, shelf.with_name("speaking")
        command = (sys.executable, "-m", "callflow", "prompts", "--data", str(self._data))
        folders = ("--config", str(ROOT / "config"), "--prompts", str(ROOT / "ivr_prompts"))
        self.process = subprocess.Popen(
            ["nice", "-n", "19", *command, *folders], cwd=ROOT, stdout=subprocess.DEVNULL
        )

    def finish(self) -> None:
        """Wait until all are on the shelf."""
        assert self.process.wait() == 0
        keep(self._shelf, self._data)


@contextmanager
def speaking(shelf: Path) -> Iterator[Speaking]:
    """Render until the block ends, however far that gets."""
    begun = Speaking(shelf)
    yield begun
    begun.process.terminate()
    begun.process.wait()
