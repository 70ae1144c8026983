"""The spool: calls that a line handled alone, kept until the app has taken them over.

One preallocated file per line, cut into slots. The line process fills free slots (`SpoolWriter`), the app
empties them (`SpoolReader`); a slot belongs to whoever may change its state next, so no lock is needed. A
slot is valid only when its seal opens, hence a record torn by a power cut is never mistaken for a call.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from callflow.quality import UNKNOWN, SoundQuality
from callflow.sealing import Sealer, SealError, sync_folder

SLOT = 512  # bytes; one disk sector, so a slot reaches the disk whole
SLOTS = 4096  # preallocated: 2 MiB, days of calls without an app
_HEAD = struct.Struct(">2sH")  # mark, length of the sealed record
_MARK = b"RW"
_FREE = bytes(_HEAD.size)
_LONGEST = 48  # characters of a number as it came from the wire
UNDER_WAY_FOR = timedelta(hours=1)  # older than this, a call "under way" was cut off with its line

SpooledOutcome = Literal["under_way", "transferred", "not_reached", "hung_up", "completed"]


@dataclass(frozen=True, slots=True)
class SpooledCall:
    """A call that the line handled alone.

    Args:
        call: the call's id, the same that the app may know already.
        dialled: practice number, E.164.
        caller: calling number as the wire told it, "" when withheld.
        at: aware UTC time of the first ring.
        line: name of the line.
        outcome: "transferred" (a human took it), "not_reached" (the destination did not), "hung_up" (the
            caller gave up before), "completed" (the app's last wish was to hang up, only its books are open),
            "under_way" (the line died while it acted alone).
        recording: a voice message that was left before, see `callflow.voice_messages`, "" for none.
        sound: how good the sound was, once the call is over.
    """

    call: str
    dialled: str
    caller: str
    at: datetime
    line: str
    outcome: SpooledOutcome
    recording: str = ""
    sound: SoundQuality = UNKNOWN


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a record lies: file, offset in bytes, and its bytes."""

    path: Path
    offset: int
    sealed: bytes


_CALLS = TypeAdapter(SpooledCall)


def _place(path: Path) -> bytes:
    return b"spool|" + path.name.encode()


class SpoolWriter:
    """The line's end of its spool file; one per line name, used from one thread at a time.

    Args:
        folder: DATA/spool; created when missing.
        line: the line's name.
        sealer: seals the records.
        slots: how many to preallocate.

    Raises:
        OSError: the file cannot be made at its full size, e.g. for want of disk space.
    """

    def __init__(self, folder: Path, line: str, sealer: Sealer, slots: int = SLOTS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{re.sub('[^A-Za-z0-9_-]', '_', line)}.spool"
        self._sealer = sealer
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        self._next = 0
        self._grow(slots * SLOT)
        self._take_stock()
        sync_folder(folder)

    def write(self, call: SpooledCall) -> Slot:
        """Put a record on disk; it is there when this returns.

        Raises:
            OSError: the disk refused.
        """
        plain = _CALLS.dump_json(_shortened(call))
        sealed = self._sealer.seal(plain, _place(self._path))
        content = _HEAD.pack(_MARK, len(sealed)) + sealed
        offset = self._free_slot()
        os.pwrite(self._file, content.ljust(SLOT, b"\0"), offset)
        os.fdatasync(self._file)
        return Slot(self._path, offset, sealed)

    def replace(self, old: Slot, call: SpooledCall) -> Slot:
        """Write a newer record of a call, then free the older one."""
        new = self.write(call)
        _free(self._file, old)
        return new

    def free(self, slot: Slot) -> None:
        """Give up a record that is no longer wanted."""
        _free(self._file, slot)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _grow(self, size: int) -> None:
        # Real zeros, not a sparse file: a full disk must show now and not when a call is to be saved.
        have = os.fstat(self._file).st_size
        if have < size:
            os.pwrite(self._file, bytes(size - have), have)
            os.fsync(self._file)

    def _take_stock(self) -> None:
        """Free torn slots; calls that were under way were cut off when the line died."""
        content = self._path.read_bytes()
        for offset in range(0, len(content) - SLOT + 1, SLOT):
            if content[offset : offset + _HEAD.size] == _FREE:
                continue
            opened = _unsealed(content, offset, self._path, self._sealer)
            if opened is None:
                os.pwrite(self._file, bytes(SLOT), offset)
                continue
            call = _CALLS.validate_json(opened[0])
            if call.outcome == "under_way":
                self.replace(Slot(self._path, offset, opened[1]), replace(call, outcome="hung_up"))

    def _free_slot(self) -> int:
        size: int = os.fstat(self._file).st_size
        for offset in chain(range(self._next, size, SLOT), range(0, self._next, SLOT)):
            if os.pread(self._file, _HEAD.size, offset) == _FREE:
                self._next = offset + SLOT
                return offset
        self._grow(size + SLOTS * SLOT)
        return size


class SpoolReader:
    """The app's end of all spool files of a folder.

    Args:
        folder: DATA/spool; may be missing.
        sealer: opens the records.
    """

    def __init__(self, folder: Path, sealer: Sealer) -> None:
        self._folder = folder
        self._sealer = sealer

    def calls(self, now: datetime) -> list[tuple[SpooledCall, tuple[Slot, ...]]]:
        """Return the calls that wait to be taken over, oldest first, each with its slots.

        A call that is still under way is left out for `UNDER_WAY_FOR`; after that its line is taken for dead.

        Args:
            now: aware time.
        """
        found: dict[str, tuple[SpooledCall, tuple[Slot, ...]]] = {}
        for path in sorted(self._folder.glob("*.spool")):
            for call, slot in self._records(path):
                known, slots = found.get(call.call, (call, ()))
                found[call.call] = (known if call.outcome == "under_way" else call, (*slots, slot))
        over = [entry for entry in found.values() if _is_over(entry[0], now)]
        return sorted(over, key=lambda entry: entry[0].at)

    def ids(self) -> set[str]:
        """Return the ids of all calls in the spool, those under way too."""
        paths = sorted(self._folder.glob("*.spool"))
        return {call.call for path in paths for call, _ in self._records(path)}

    def done(self, slots: tuple[Slot, ...]) -> None:
        """Free the slots of a call whose card is committed; until then it is read again."""
        for slot in slots:
            with _Opened(slot.path) as file:
                _free(file, slot)

    def _records(self, path: Path) -> Iterator[tuple[SpooledCall, Slot]]:
        content = path.read_bytes()
        for offset in range(0, len(content) - SLOT + 1, SLOT):
            opened = _unsealed(content, offset, path, self._sealer)
            if opened is not None:
                plain, sealed = opened
                yield _CALLS.validate_json(plain), Slot(path, offset, sealed)


class _Opened:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR)

    def __enter__(self) -> int:
        return self._file

    def __exit__(self, *_: object) -> None:
        os.close(self._file)


def _unsealed(content: bytes, offset: int, path: Path, sealer: Sealer) -> tuple[bytes, bytes] | None:
    """Return a slot's record, open and sealed; None when it is free, torn or being written right now."""
    mark, length = _HEAD.unpack_from(content, offset)
    sealed = content[offset + _HEAD.size : offset + _HEAD.size + length]
    if mark != _MARK:
        return None
    try:
        return sealer.unseal(sealed, _place(path)), sealed
    except SealError:
        return None


def _is_over(call: SpooledCall, now: datetime) -> bool:
    return call.outcome != "under_way" or now - call.at > UNDER_WAY_FOR


def _plain(text: str) -> str:
    """Keep what fits a slot whatever the wire sent: printable ASCII that JSON does not escape."""
    return re.sub(r"[^ !#-[\]-~]", "?", text[:_LONGEST])


def _shortened(call: SpooledCall) -> SpooledCall:
    return replace(
        call,
        call=_plain(call.call),
        dialled=_plain(call.dialled),
        caller=_plain(call.caller),
        line=_plain(call.line),
        recording=_plain(call.recording),
    )


def _free(file: int, slot: Slot) -> None:
    # The other side may have freed the slot already, and the writer filled it with another call.
    if os.pread(file, len(slot.sealed), slot.offset + _HEAD.size) != slot.sealed:
        return
    os.pwrite(file, bytes(SLOT), slot.offset)
    os.fdatasync(file)
