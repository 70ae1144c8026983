"""The prompt cache: rendered speech as raw A-law files, named by content.

The line process imports this module, so it knows no templates, no voice and no numpy. A clip never changes
once it is there: its key is a hash of everything that shaped it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock

from callflow.effects import Clip

BYTES_PER_MS = 8
_KEY = re.compile(r"[0-9a-z-]{4,64}")


class NoClip(KeyError):  # noqa: N818 - "raise NoClip" says what happened
    """The cache does not hold this clip."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What is known of a clip; free of its text.

    Args:
        ms: duration in milliseconds.
        dbfs: active speech level in dB relative to full scale (a sine of full scale is -3).
        peak_dbfs: highest sample in dB relative to full scale.
        source: "voice:<engine>", "recording" or "synthesis".
    """

    ms: int
    dbfs: float
    peak_dbfs: float
    source: str


class Cache:
    """Clips in a folder, with the most recent ones in memory.

    Args:
        folder: DATA/prompts; created when missing.
        memory: bytes of sound kept in memory.
    """

    def __init__(self, folder: Path, memory: int = 64 * 1024 * 1024) -> None:
        self.folder = folder
        self._memory = memory
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._used: set[str] = set()
        self._size = 0
        self._lock = Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def frames(self, key: str) -> bytes:
        """Return a clip's A-law sound (8,000 bytes a second, a multiple of 160).

        Raises:
            NoClip: the clip is not there, or `key` is no key.
        """
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
                return held
        sound = self._read(key, ".al")
        if len(sound) != self.facts(key).ms * BYTES_PER_MS:
            raise NoClip(key)  # a power cut left it half-written; it will be rendered anew
        self._hold(key, sound)
        return sound

    def get(self, key: str) -> Clip | None:
        """Return the clip with its duration, None when it is not there; a sweep then knows it is used."""
        try:
            clip = Clip(key, len(self.frames(key)) // BYTES_PER_MS)
        except NoClip:
            return None
        if key not in self._used:  # once from sweep to sweep: the file's date tells when it was used last
            self._used.add(key)
            with contextlib.suppress(OSError):
                os.utime(self._place(key))
        return clip

    def facts(self, key: str) -> ClipFacts:
        """Return what is known of a clip.

        Raises:
            NoClip: the clip is not there.
        """
        return ClipFacts(**json.loads(self._read(key, ".json")))

    def put(self, key: str, sound: bytes, facts: ClipFacts) -> Clip:
        """Store a clip so that readers see it whole or not at all; return it."""
        folder = self._place(key).parent
        folder.mkdir(exist_ok=True)
        measured = replace(facts, ms=len(sound) // BYTES_PER_MS)
        _write(self._place(key, ".json"), json.dumps(asdict(measured)).encode())
        _write(self._place(key, ".al"), sound)  # last: its presence makes the clip exist
        self._hold(key, sound)
        self._used.add(key)
        return Clip(key, len(sound) // BYTES_PER_MS)

    def remove(self, key: str) -> None:
        """Forget a clip; nothing happens when it is not there."""
        self._place(key, ".al").unlink(missing_ok=True)
        self._place(key, ".json").unlink(missing_ok=True)
        with self._lock:
            self._size -= len(self._held.pop(key, b""))

    def sweep(self, now: float, kept: Collection[str], *, unused_s: float, largest: int) -> int:
        """Remove clips that nobody uses any more; return how many.

        Whatever was asked for since the last sweep stays, however large the cache is.

        Args:
            now: seconds since 1970.
            kept: keys that stay in any case.
            unused_s: clips not used for so many seconds go.
            largest: bytes of sound on disk; beyond them, those used longest ago go.
        """
        used, self._used = self._used, set()
        aged = sorted(self._aged())
        size = sum(length for _, length, _ in aged)
        removed = 0
        for last, length, key in aged:
            if key in used or key in kept or (now - last <= unused_s and size <= largest):
                continue
            self.remove(key)
            size, removed = size - length, removed + 1
        return removed

    def _aged(self) -> Iterator[tuple[float, int, str]]:
        for path in self.folder.glob("*/*.al"):
            with contextlib.suppress(FileNotFoundError):
                facts = path.stat()
                yield facts.st_mtime, facts.st_size, path.stem

    def keys(self) -> Iterator[str]:
        """Yield the keys of all stored clips."""
        return (path.stem for path in self.folder.glob("*/*.al"))

    def _place(self, key: str, suffix: str = ".al") -> Path:
        if not _KEY.fullmatch(key):
            raise NoClip(key)
        return self.folder / key[:2] / f"{key}{suffix}"

    def _read(self, key: str, suffix: str) -> bytes:
        try:
            return self._place(key, suffix).read_bytes()
        except FileNotFoundError:
            raise NoClip(key) from None

    def _hold(self, key: str, sound: bytes) -> None:
        with self._lock:
            self._size += len(sound) - len(self._held.pop(key, b""))
            self._held[key] = sound
            while self._size > self._memory and len(self._held) > 1:
                self._size -= len(self._held.popitem(last=False)[1])


def _write(path: Path, content: bytes) -> None:
    """Write a file that readers see whole or not at all.

    Nothing waits for the disk: what a power cut leaves is known by its length and rendered anew.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)
