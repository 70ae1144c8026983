"""The script of `rufweiche call --keys`: what to press and when.

Entries are separated by commas. `1`, `0171234#`: keys, pressed once the far side has spoken and then fallen
silent. `2s`, `500ms`: a pause, instead of waiting for that silence (`0s,1` presses at once). `x`: hang up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEYS = re.compile(r"[0-9*#A-D]+")
_PAUSE = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
LONGEST_PAUSE = 600.0  # seconds


class KeyScriptError(ValueError):
    """A script that cannot be read; the text names the entry."""


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys, one after the other."""

    keys: str


@dataclass(frozen=True, slots=True)
class AwaitSilence:
    """Wait until the far side has spoken and fallen silent."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for so many `seconds`, whatever the far side does."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Hang up."""


Entry = Press | AwaitSilence | Pause | GiveUp


def parse(script: str) -> tuple[Entry, ...]:
    """Read a script.

    Raises:
        KeyScriptError: an entry is neither keys nor a pause nor `x`.
    """
    entries: list[Entry] = []
    for text in (part.strip() for part in script.split(",")):
        entry = _entry(text)
        if not isinstance(entry, Pause) and not (entries and isinstance(entries[-1], Pause)):
            entries.append(AwaitSilence())
        entries.append(entry)
    return tuple(entries)


def _entry(text: str) -> Entry:
    if text.lower() == "x":
        return GiveUp()
    if _KEYS.fullmatch(text):
        return Press(text)
    pause = _PAUSE.fullmatch(text)
    if pause is None:
        raise KeyScriptError(f"{text!r} is neither keys (1, 0171#) nor a pause (2s, 500ms) nor x")
    seconds = float(pause[1]) / (1000 if pause[2] == "ms" else 1)
    if seconds > LONGEST_PAUSE:
        raise KeyScriptError(f"{text!r} is longer than {LONGEST_PAUSE:.0f} s")
    return Pause(seconds)
