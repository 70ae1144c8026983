"""What a flow may refer to: prompts, destinations, concerns, calendars of the practice."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from callflow.placeholders import asked_for

_NAME = re.compile(r"[a-z0-9äöüß][a-z0-9äöüß_-]*(/[a-z0-9äöüß_-]+)*")
PRACTICE_VALUES = frozenset({"practice.name", "practice.phone", "practice.address", "practice.hours"})
"""Placeholders that every prompt may use."""


class PromptIndex(Protocol):
    """What the checker needs to know of the prompt texts."""

    def text(self, name: str, language: str) -> str | None:
        """Return the template's text, None if there is none."""

    def placeholders(self, name: str, language: str) -> frozenset[str]:
        """Return the values the template asks for, dotted ("practice.name")."""


class FolderPrompts:
    """The prompt texts of a folder `<language>/<name>.j2`, read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[tuple[str, str], str | None] = {}
        self._names: dict[tuple[str, str], frozenset[str]] = {}

    def text(self, name: str, language: str) -> str | None:
        """Return the template's text, None if there is none."""
        key = (name, language)
        if key not in self._texts:
            self._texts[key] = self._read(name, language)
        return self._texts[key]

    def _read(self, name: str, language: str) -> str | None:
        path = self._folder / language / f"{name}.j2"
        try:
            return path.read_text(encoding="utf-8") if _NAME.fullmatch(name) else None
        except (OSError, UnicodeDecodeError):
            return None

    def placeholders(self, name: str, language: str) -> frozenset[str]:
        """Return the values the template asks for, () if there is no such template."""
        key = (name, language)
        if key not in self._names:
            self._names[key] = asked_for(self.text(name, language) or "")
        return self._names[key]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a flow may refer to.

    Args:
        prompts: texts of ivr_prompts/.
        destinations: names where calls can be passed on.
        concerns: keys of reasons to call.
        calendars: names of opening hours.
        languages: languages the practice speaks.
        fragments: contents of files for `include` and `subflow` by name, instead of the flow's folder.
    """

    prompts: PromptIndex
    destinations: Collection[str]
    concerns: Collection[str]
    calendars: Collection[str]
    languages: Collection[str] = ("de", "en")
    fragments: Mapping[str, bytes] = field(default_factory=dict)

    def with_files(self, files: Mapping[str, bytes]) -> Surroundings:
        """Return the same surroundings with the contents of shared files given."""
        return replace(self, fragments=files)
