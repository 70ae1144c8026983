"""Our prompts where Asterisk can play them: A-law files that need no transcoding."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

KEPT = 5000  # files; a practice's prompts and their combinations are some hundreds
_log = structlog.get_logger("asterisk.sounds")


class Sounds:
    """A folder that Asterisk plays from.

    Args:
        folder: as this machine sees it; created when missing.
        seen_as: the same folder as Asterisk sees it.
        frames: gives a clip's A-law sound by key; raises LookupError or OSError when it has none.
    """

    def __init__(self, folder: Path, seen_as: str, frames: Callable[[str], bytes]) -> None:
        self._folder = folder
        self._seen_as = seen_as
        self._frames = frames
        folder.mkdir(parents=True, exist_ok=True)

    def place(self, keys: Sequence[str]) -> str:
        """Put clips there as one file, if they are not yet, and return what Asterisk plays ("" for nothing).

        Asterisk takes up to 100 ms from one file to the next, so clips that are spoken together are joined.
        """
        name = keys[0] if len(keys) == 1 else hashlib.sha256("|".join(keys).encode()).hexdigest()[:40]
        if not keys or not ((self._folder / f"{name}.alaw").exists() or self.write(name, self._joined(keys))):
            return ""
        return f"{self._seen_as}/{name}"

    def write(self, name: str, alaw: bytes) -> bool:
        """Write a file so that Asterisk sees it whole; an empty one is not written."""
        if not alaw:
            return False
        handle, draft = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")
        with os.fdopen(handle, "wb") as stream:
            stream.write(alaw)
        Path(draft).chmod(0o644)  # Asterisk runs as a user of its own
        Path(draft).replace(self._folder / f"{name}.alaw")
        return True

    def join(self, name: str, keys: Sequence[str]) -> bool:
        """Put clips there as one file under a name of its own."""
        return self.write(name, self._joined(keys))

    def tidy(self) -> None:
        """Remove the oldest files beyond `KEPT`."""
        files = sorted(self._folder.glob("*.alaw"), key=lambda path: path.stat().st_mtime)
        for path in files[:-KEPT]:
            with contextlib.suppress(OSError):
                path.unlink()

    def _joined(self, keys: Sequence[str]) -> bytes:
        parts = []
        for key in keys:
            try:
                parts.append(self._frames(key))
            except (LookupError, OSError):
                _log.exception("clip missing", clip=key)
        return b"".join(parts)
