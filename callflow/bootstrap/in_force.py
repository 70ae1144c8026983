"""What was last read without a fault lies in DATA/config: a broken file stops no house that ran before.

`DATA/config/practice` holds practice.yaml, lines.yaml and forms/ as they fitted each other,
`DATA/config/hours` the opening hours; flows have versions of their own (`callflow.language.versions`).
Secrets are never copied. An app that dies comes back on what its house runs on, not on what was written
since: the lines beside it were not started anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from callflow import settings as rules
from callflow.bootstrap import places
from callflow.hours import Calendar
from callflow.language import FlowErrors
from callflow.language.calendars import load_calendars
from callflow.language.problems import Problem
from callflow.language.source import contents
from callflow.sealing import sync_folder
from callflow.settings import Settings
from callflow.web.forms.source import load_forms

HOURS = "hours.yaml"
_CURRENT = "current"
_LOOKS = 5  # at files that someone is just writing
_log = structlog.get_logger("config")


@dataclass(frozen=True, slots=True)
class Kept:
    """Files as they were last read without a fault: `<folder>/<digest>/...`, and the digest in `current`.

    A crash leaves the old reading or the new one, nothing between.

    Args:
        folder: where they are kept.
    """

    folder: Path

    def files(self) -> Path | None:
        """Return the folder of the last reading, None if there was none."""
        digest = self._current()
        found = self.folder / digest
        return found if digest and found.is_dir() else None

    def keep(self, files: Mapping[str, bytes]) -> None:
        """Keep a reading in place of the last one; a full disk is logged and leaves the last one.

        Args:
            files: path in the configuration's folder -> contents.
        """
        digest = _digest(files)
        if self._current() == digest:
            return
        try:
            self._write(digest, files)
        except OSError as error:
            _log.warning("configuration not kept", why=error.strerror)

    def _write(self, digest: str, files: Mapping[str, bytes]) -> None:
        fresh = self.folder / digest
        data = self.folder.parent.parent
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.rmtree(fresh, ignore_errors=True)  # begun once and not finished
        for name, raw in files.items():
            _store(fresh / name, raw)
        _store(self.folder / f"{_CURRENT}.new", digest.encode())
        (self.folder / f"{_CURRENT}.new").replace(self.folder / _CURRENT)
        sync_folder(self.folder)  # before the last reading goes: a power cut must not bring its name back
        for old in self.folder.iterdir():
            if old.is_dir() and old != fresh:
                shutil.rmtree(old, ignore_errors=True)

    def _current(self) -> str:
        try:
            return (self.folder / _CURRENT).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return ""


def _digest(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, raw in sorted(files.items()):
        whole.update(f"{name}\0{len(raw)}\0".encode() + raw)
    return whole.hexdigest()[:16]


def _store(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        out.write(raw)
        out.flush()
        os.fsync(out.fileno())
    sync_folder(path.parent)


def settings(options: places.Options) -> tuple[Settings, tuple[Problem, ...]]:
    """Read the settings and put them in force; beside a broken file, as they were last read without a fault.

    Returns:
        The settings, and what is wrong in the files: () when they are the files' own.

    Raises:
        FlowErrors: a file is broken, and there was no reading without a fault.
        AddressError: --sip or --http is no HOST:PORT.
    """
    kept = _kept_practice(options.data)
    try:
        found, files = _of_one_piece(options)
    except FlowErrors as fault:
        return _last(options, kept, fault), fault.problems
    if files is not None:
        kept.keep(files)
    return found, ()


def _of_one_piece(options: places.Options) -> tuple[Settings, dict[str, bytes] | None]:
    """Read settings and the files they came from, again while someone writes; None if that never ends."""
    before = readable(options.config_folder)
    for _ in range(_LOOKS):
        found = _read(options)
        after = readable(options.config_folder)
        if before == after:
            return found, before
        before = after
    return found, None


def _last(options: places.Options, kept: Kept, fault: FlowErrors) -> Settings:
    files = kept.files()
    if files is None:
        raise fault
    try:
        return _read(options, files)
    except FlowErrors:  # kept by another version of this program, or the secrets are at fault
        raise fault from None


def _read(options: places.Options, files: Path | None = None) -> Settings:
    found = places.settings(options, files)
    load_forms(found.forms)
    return found


def standing(options: places.Options) -> tuple[Settings, tuple[Problem, ...]]:
    """Read the settings that the running house was started on, whatever its files say by now.

    Returns:
        The settings, and what is wrong in the files.

    Raises:
        FlowErrors: a file is broken, and nothing was put in force before.
        AddressError: --sip or --http is no HOST:PORT.
    """
    files = _kept_practice(options.data).files()
    if files is None:
        return settings(options)
    try:
        found = _read(options, files)
    except FlowErrors:  # kept by another version of this program, or the secrets are at fault
        return settings(options)
    same = readable(options.config_folder) == readable(files)
    return found, () if same else on_disk(found)[1]


def on_disk(settings: Settings) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Read what the files of a running house say now, whether or not it is in force.

    Returns:
        The settings, None if a file is broken; and what is wrong.
    """
    try:
        found = rules.load(
            data=settings.data,
            config=settings.config,
            prompts=settings.prompts,
            sip=settings.sip,
            http=settings.http,
        )
        load_forms(found.forms)
    except FlowErrors as fault:
        return None, fault.problems
    return found, ()


def readable(config: Path) -> dict[str, bytes]:
    """Read the files that belong together, without judging them.

    Returns:
        Path in the folder -> contents: practice.yaml, lines.yaml and the forms. What may not be read looks
        empty; reading it as settings tells why.
    """
    paths = [config / "practice.yaml", config / "lines.yaml", *sorted((config / "forms").rglob("*.yaml"))]
    return {str(path.relative_to(config)): _bytes(path) for path in paths if path.is_file()}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def keep_practice(settings: Settings, files: Mapping[str, bytes]) -> None:
    """Keep practice.yaml, lines.yaml and the forms as they are in force."""
    _kept_practice(settings.data).keep(files)


def _kept_practice(data: Path) -> Kept:
    return Kept(data / "config" / "practice")


def calendars(settings: Settings) -> tuple[dict[str, Calendar], tuple[Problem, ...]]:
    """Read the opening hours; beside a broken file, those that were last in force.

    Returns:
        The calendars by name, and what is wrong in the file.

    Raises:
        FlowErrors: the file is broken, and none were ever in force.
    """
    path = settings.config / HOURS
    try:
        raw = contents(path)
        found = load_calendars(path, raw)
    except FlowErrors as fault:
        return _last_calendars(settings, fault), fault.problems
    keep_hours(settings, raw)
    return found, ()


def _last_calendars(settings: Settings, fault: FlowErrors) -> dict[str, Calendar]:
    files = _kept_hours(settings).files()
    if files is None:
        raise fault
    try:
        return load_calendars(files / HOURS)
    except FlowErrors:
        raise fault from None


def keep_hours(settings: Settings, raw: bytes) -> None:
    """Keep the contents of hours.yaml that have come into force."""
    _kept_hours(settings).keep({HOURS: raw})


def _kept_hours(settings: Settings) -> Kept:
    return Kept(settings.data / "config" / "hours")
