"""practice.yaml, lines.yaml, the forms and .env of a running house: what is in force, and what lies on disk.

They are read at a start. What is written later is looked at as soon as it changes, so that people hear of a
fault or of a restart that is due while they still know what they did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from callflow.bootstrap import in_force
from callflow.language import FlowErrors
from callflow.language.problems import Problem
from callflow.language.source import contents, parse
from callflow.settings import Settings

LINES, SECRETS = "lines.yaml", ".env"


@dataclass(frozen=True, slots=True)
class News:
    """What the files say that is not in force.

    Args:
        files: their contents by path in the configuration's folder.
        settings: as they read now, None if one is broken.
        faults: what is wrong in them.
        changed: files that say something else than what is in force; () beside a broken one.
    """

    files: Mapping[str, bytes]
    settings: Settings | None
    faults: tuple[Problem, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sight:
    """All that a look depends on: contents, and which flows there are for a number to name."""

    files: Mapping[str, bytes]
    secrets: str
    flows: tuple[str, ...]


@dataclass(slots=True)
class Configuration:
    """The files of a running house.

    Args:
        folder: where people write them.
        files: those in force, by path in that folder.
    """

    folder: Path
    files: Mapping[str, bytes]
    _seen: _Sight = field(init=False)
    _secrets: str = field(init=False)

    def __post_init__(self) -> None:
        self._secrets = _digest(self.folder / SECRETS)
        self._seen = _Sight(self.files, self._secrets, ())

    def news(self, settings: Settings) -> News | None:
        """Look at the files; None if nothing changed since the last look.

        Args:
            settings: those in force.
        """
        now = _sight(self.folder)
        if (now.files, now.secrets) == (self.files, self._secrets):
            changed = now.files != self._seen.files or now.secrets != self._seen.secrets
            self._seen = now
            return News(now.files, settings, (), ()) if changed else None
        if now == self._seen:
            return None
        found, faults = in_force.on_disk(settings)
        if now != _sight(self.folder):
            return None  # someone is writing: not of one piece
        self._seen = now
        return News(now.files, found, faults, self._changed(now, settings, found) if found else ())

    def taken(self, name: str, news: News) -> News:
        """Put one of the files in force; returns what is not in force yet."""
        self.files = {**self.files, name: news.files[name]}
        return replace(news, changed=tuple(file for file in news.changed if file != name))

    def _changed(self, now: _Sight, settings: Settings, found: Settings) -> tuple[str, ...]:
        names = sorted({*self.files, *now.files})
        files = tuple(name for name in names if self._differs(name, now.files))
        return (*files, SECRETS) if found.secrets != settings.secrets else files

    def _differs(self, name: str, now: Mapping[str, bytes]) -> bool:
        """Say whether a file means something else now; a comment changes nothing."""
        before, after = self.files.get(name), now.get(name)
        if before == after or before is None or after is None:
            return before != after
        return bool(_data(name, before) != _data(name, after))


def _sight(folder: Path) -> _Sight:
    flows = tuple(sorted(path.stem for path in (folder / "flows").glob("*.yaml")))
    return _Sight(in_force.readable(folder), _digest(folder / SECRETS), flows)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(contents(path)).hexdigest()
    except FlowErrors:
        return ""


def _data(name: str, raw: bytes) -> object:
    try:
        return parse(raw, name).data
    except FlowErrors:  # no form, though it lies among them
        return raw
