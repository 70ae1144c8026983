"""Reading YAML written by people: plain data with the place of every key and value.

Works on the parser's events, so that size, depth and number of values are bounded before anything is built.
Refused: aliases and anchors, tags, several documents, duplicate keys, keys and values that look like a
number but are meant as text (`0171`, `10:30`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from callflow.kinds.base import Path as Way
from callflow.language.problems import FlowErrors, Problem

MOST_BYTES = 512 * 1024
MOST_SLOWLY = 32 * 1024
MOST_VALUES = 50_000
MOST_DEPTH = 12
MOST_SCALAR = 10_000

Plain = str | int | float | bool | None
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_AMBIGUOUS = re.compile(r"[-+]?0[0-9]+|[0-9]+(:[0-9]+)+|0[xob][0-9a-fA-F]+|[0-9_]+_[0-9_]*")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS: dict[str, Plain] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file's data.

    Args:
        file: its path, for messages.
        data: mappings, lists, texts, numbers.
        keys: way to an entry -> place of its key.
        values: way to an entry -> place of its value.
        problems: faults that leave no doubt about what was meant, if they were to be let pass.
    """

    file: str
    data: Any
    keys: dict[Way, Place] = field(default_factory=dict)
    values: dict[Way, Place] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def key(self, way: Way) -> Place:
        """Find the nearest known key at or above `way`."""
        return _nearest(self.keys, way)

    def value(self, way: Way) -> Place:
        """Find the nearest known value at or above `way`."""
        return _nearest(self.values, way)

    def problem(self, code: str, way: Way, **values: str) -> Problem:
        """Make an error at the value of `way`."""
        return self._at(self.value(way), code, values)

    def problem_at_key(self, code: str, way: Way, **values: str) -> Problem:
        """Make an error at the key of `way`."""
        return self._at(self.key(way), code, values)

    def _at(self, place: Place, code: str, values: dict[str, str]) -> Problem:
        return Problem(self.file, place.line, place.column, code, tuple(sorted(values.items())))


def _nearest(places: dict[Way, Place], way: Way) -> Place:
    while way and way not in places:
        way = way[:-1]
    return places.get(way, Place(1, 1))


def read(path: Path, name: str = "") -> Source:
    """Read a file.

    Args:
        path: the file.
        name: how messages call it, its path by default.

    Raises:
        FlowErrors: it cannot be read, is too large, no UTF-8, or no YAML we take.
    """
    return parse(contents(path, name), name or str(path))


def contents(path: Path, name: str = "") -> bytes:
    """Read a file's bytes, one more than allowed at most; raises as `read`."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refusal(name or str(path), Place(1, 1), "file-unreadable", reason=reason) from None


def parse(raw: bytes, name: str, *, lenient: bool = False) -> Source:
    """Parse a file's bytes; as `read`.

    With `lenient`, keys written twice and texts without quotes are told in `Source.problems` instead of being
    raised, so that whoever checks a file can tell all its other faults with them.
    """
    if len(raw) > MOST_BYTES:
        raise _refusal(name, Place(1, 1), "file-large", most=str(MOST_BYTES // 1024))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise _refusal(name, Place(line, column), "file-encoding") from None
    if odd := _CONTROL.search(text):
        place = Place(text.count("\n", 0, odd.start()) + 1, odd.start() - text.rfind("\n", 0, odd.start()))
        raise _refusal(name, place, "yaml-character", character=f"U+{ord(odd[0]):04X}")
    try:
        return _Builder(name).build(_events(text, pure=False), lenient=lenient)
    except FlowErrors as error:
        # libyaml is quick but knows YAML 1.1 only, where `{text: Wie?, at: 10:30}` is an error; the slow
        # parser has the last word on files that people write, not on those made to keep it busy
        if error.problems[-1].code != "yaml-syntax" or len(text) > MOST_SLOWLY:
            raise
    return _Builder(name).build(_events(text, pure=True), lenient=lenient)


def _refusal(file: str, place: Place, code: str, **values: str) -> FlowErrors:
    return FlowErrors([Problem(file, place.line, place.column, code, tuple(sorted(values.items())))])


def _place(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


@dataclass(slots=True)
class _Frame:
    """An open mapping (`pending` is its key waiting for a value) or list."""

    way: Way
    into: Any
    pending: str | None = None


class _Builder:
    def __init__(self, file: str) -> None:
        self.source = Source(file, None)
        self.problems: list[Problem] = []
        self.frames: list[_Frame] = []
        self.data: Any = None
        self.count = 0
        self.documents = 0

    def build(self, events: Iterator[Event], *, lenient: bool) -> Source:
        try:
            for event in events:
                self._take(event)
        except YAMLError as error:
            raise FlowErrors([*self.problems, _syntax(self.source.file, error)]) from None
        except (ValueError, RecursionError, OverflowError) as error:
            if isinstance(error, FlowErrors):
                raise
            raise _refusal(
                self.source.file, Place(1, 1), "yaml-syntax", reason=type(error).__name__
            ) from None
        if self.problems and not lenient:
            raise FlowErrors(self.problems)
        source = self.source
        return Source(source.file, self.data, source.keys, source.values, tuple(self.problems))

    def _take(self, event: Event) -> None:
        match event:
            case DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self._stop(event, "yaml-documents")
            case AliasEvent():
                self._stop(event, "yaml-alias")
            case MappingEndEvent() | SequenceEndEvent():
                self.frames.pop()
            case ScalarEvent() | MappingStartEvent() | SequenceStartEvent():
                self._value(event)

    def _stop(self, event: Event, code: str, **values: str) -> None:
        raise FlowErrors([*self.problems, self._problem(event, code, **values)])

    def _problem(self, event: Event, code: str, **values: str) -> Problem:
        place = _place(event)
        return Problem(self.source.file, place.line, place.column, code, tuple(sorted(values.items())))

    def _value(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> None:
        self.count += 1
        if self.count > MOST_VALUES:
            self._stop(event, "file-values", most=str(MOST_VALUES))
        if event.anchor is not None:
            self._stop(event, "yaml-alias")
        if event.tag is not None:
            self._stop(event, "yaml-tag", tag=str(event.tag)[:40])
        frame = self.frames[-1] if self.frames else None
        if frame is not None and isinstance(frame.into, dict) and frame.pending is None:
            self._key(frame, event)
            return
        way = self._put(frame, value := self._made(event), event)
        if isinstance(value, dict | list):
            if len(self.frames) >= MOST_DEPTH:
                self._stop(event, "file-deep", most=str(MOST_DEPTH))
            self.frames.append(_Frame(way, value))

    def _made(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> Any:  # noqa: ANN401 - any YAML
        if isinstance(event, MappingStartEvent):
            return {}
        if isinstance(event, SequenceStartEvent):
            return []
        return self._scalar(event)

    def _key(self, frame: _Frame, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> None:
        if not isinstance(event, ScalarEvent):
            self._stop(event, "key-odd")
            return
        key = str(event.value)
        if not isinstance(self._scalar(event, key=True), str):
            self.problems.append(self._problem(event, "key-unquoted", key=key[:40]))
        if key in frame.into:
            first = self.source.keys[(*frame.way, key)].line
            self.problems.append(self._problem(event, "key-twice", key=key[:40], first=str(first)))
        else:
            self.source.keys[(*frame.way, key)] = _place(event)
        frame.pending = key

    def _put(self, frame: _Frame | None, value: Any, event: Event) -> Way:  # noqa: ANN401 - any YAML
        way: Way = ()
        if frame is None:
            self.data = value
        elif isinstance(frame.into, list):
            way = (*frame.way, len(frame.into))
            frame.into.append(value)
        else:
            way = (*frame.way, str(frame.pending))
            frame.into.setdefault(frame.pending, value)
            frame.pending = None
        self.source.values[way] = _place(event)
        return way

    def _scalar(self, event: ScalarEvent, *, key: bool = False) -> Plain:
        text = str(event.value)
        if len(text) > MOST_SCALAR:
            self._stop(event, "text-long", most=str(MOST_SCALAR))
        if _SURROGATE.search(text):  # half a character, written as an escape: nothing could store or speak it
            self._stop(event, "file-encoding")
        if event.style:  # libyaml says "" for a plain scalar, the parser in Python None
            return text
        if _AMBIGUOUS.fullmatch(text):
            found = {"key": text[:40]} if key else {"value": text[:40]}
            self.problems.append(self._problem(event, "key-unquoted" if key else "unquoted", **found))
            return text
        return _resolved(text)


def _events(text: str, *, pure: bool) -> Iterator[Event]:
    yield from YAML(typ="safe", pure=pure).parse(text)


def _resolved(text: str) -> Plain:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text) and len(text) < 19:  # noqa: PLR2004  # 64 bits; longer is an identifier
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _syntax(file: str, error: YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    reason = str(getattr(error, "problem", None) or "unreadable").split("\n")[0][:120]
    code = "yaml-tab" if "\\t" in reason or "tab" in reason.split() else "yaml-syntax"
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return Problem(file, line, column, code, (("reason", reason),))
