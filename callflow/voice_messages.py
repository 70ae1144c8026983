"""Voice messages at rest: one sealed file per recording in DATA/recordings, raw A-law at 8 kHz inside."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from callflow.sealing import Sealer

_NAME = re.compile(r"[A-Za-z0-9_-]{4,80}")


class NoRecordingError(KeyError):
    """There is no recording of this name."""


def keep(folder: Path, sealer: Sealer, name: str, alaw: bytes) -> None:
    """Seal and store a recording so that it is on disk, whole, when this returns.

    Args:
        folder: DATA/recordings; created when missing.
        sealer: seals the sound.
        name: letters, digits, "-" and "_".
        alaw: A-law sound, 8,000 bytes a second.

    Raises:
        NoRecordingError: `name` is no name.
        OSError: the disk refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, name)
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(sealer.seal(alaw, _place(name)))
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)


def sound(folder: Path, sealer: Sealer, name: str) -> bytes:
    """Return a recording's A-law sound.

    Raises:
        NoRecordingError: there is none of this name.
        callflow.sealing.SealError: it does not open.
    """
    try:
        return sealer.unseal(_path(folder, name).read_bytes(), _place(name))
    except FileNotFoundError:
        raise NoRecordingError(name) from None


def remove(folder: Path, name: str) -> None:
    """Delete a recording; nothing happens when it is not there."""
    _path(folder, name).unlink(missing_ok=True)


def _path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise NoRecordingError(name)
    return folder / f"{name}.sealed"


def _place(name: str) -> bytes:
    return b"recording|" + name.encode()
