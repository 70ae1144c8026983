"""What the lines count, kept for whoever watches the house; in Prometheus' text form."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

TRUNK = "trunk_up/"
"""Begins the names of figures that tell whether a trunk is registered: 1 or 0."""
GAUGES: Mapping[str, str] = {
    "active": "calls that are up",
    "legs": "SIP legs that are held",
    "dialogs": "SIP dialogs that are held",
    "serving": "SIP requests of others that are being answered",
    "asking": "SIP requests of ours that wait for an answer",
    "app_slowest_ms": "the app's slowest answer in the last ten seconds, milliseconds",
}
_PREFIX = "rufweiche_line"
_NAME = re.compile(r"[^a-zA-Z0-9_.-]")


class Gauges:
    """The newest figures of each line process."""

    def __init__(self) -> None:
        self._figures: dict[str, Mapping[str, float]] = {}

    def take(self, line: str, figures: Mapping[str, float]) -> None:
        """Keep what a line has just told."""
        self._figures[line] = dict(figures)

    def trunks(self) -> dict[str, bool]:
        """Tell which accounts are registered, by trunk."""
        return {
            name.removeprefix(TRUNK): bool(value)
            for figures in self._figures.values()
            for name, value in figures.items()
            if name.startswith(TRUNK)
        }

    def text(self, connected: Collection[str]) -> str:
        """Write everything in Prometheus' text exposition format 0.0.4.

        Args:
            connected: the lines that are there now; the figures of others are old and left out.
        """
        now = {name: figures for name, figures in sorted(self._figures.items()) if name in connected}
        return "".join(
            f"{line}\n" for line in (*_lines(connected), *_gauges(now), *_trunks(now), *_events(now))
        )


def _lines(connected: Collection[str]) -> Iterator[str]:
    yield from _head("connected", "gauge", "the line process is there")
    for line in sorted(connected):
        yield f'{_PREFIX}_connected{{line="{_safe(line)}"}} 1'


def _gauges(lines: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    for name, meaning in GAUGES.items():
        yield from _head(name, "gauge", meaning)
        for line, figures in lines.items():
            if name in figures:
                yield f'{_PREFIX}_{name}{{line="{_safe(line)}"}} {figures[name]:g}'


def _trunks(lines: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield from _head("trunk_up", "gauge", "the account is registered")
    for line, figures in lines.items():
        for name, value in sorted(figures.items()):
            if name.startswith(TRUNK):
                trunk = _safe(name.removeprefix(TRUNK))
                yield f'{_PREFIX}_trunk_up{{line="{_safe(line)}",trunk="{trunk}"}} {value:g}'


def _events(lines: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield from _head(
        "events_total", "counter", "happenings since the line process began, by kind (docs/sip.md)"
    )
    for line, figures in lines.items():
        for name, value in sorted(figures.items()):
            if name not in GAUGES and not name.startswith(TRUNK):
                yield f'{_PREFIX}_events_total{{line="{_safe(line)}",kind="{_safe(name)}"}} {value:.0f}'


def _head(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP {_PREFIX}_{name} {meaning}"
    yield f"# TYPE {_PREFIX}_{name} {kind}"


def _safe(text: str) -> str:
    return _NAME.sub("_", text)
