"""From a prompt's name and values to the text that is spoken.

Prompt files (ivr_prompts/<language>/<name>.j2) are written by people with file access: Jinja2 in its sandbox,
rendered in the speech worker, whose time and memory are limited, because even a sandboxed template can
ask for ten gigabytes of "a". Texts typed into flows or web pages know placeholders only (`fill`).

A value that is a telephone number (E.164 or written), a date ("01.05.1950") or passes the filter `digits`
comes out as its own piece: it is spoken from shared clips, so that no caller's number or date of birth ever
rests in the cache.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from callflow.placeholders import PLACEHOLDER, inline
from callflow.prompts.jobs import PieceKind

LONGEST = 4000  # characters of one prompt; about five minutes of speech
_NAME = re.compile(r"[a-z0-9äöüß][a-z0-9äöüß_/-]{0,80}")
_NUMBER = re.compile(r"[+0][\d ()/-]{5,24}|\d{5,24}")
_DATE = re.compile(r"\d{2}\.\d{2}\.\d{4}")
# private use: never typed, so they can mark a piece through a template
_DIGITS, _DAY, _CLOSE = "\ue000", "\ue002", "\ue001"
_MARKS = str.maketrans("", "", _DIGITS + _DAY + _CLOSE)
_MARKED = re.compile(f"([{_DIGITS}{_DAY}])([^{_CLOSE}]*){_CLOSE}")

Values = Mapping[str, str]


class PromptError(ValueError):
    """A prompt that can't be turned into text; the message names the prompt, never a value."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a prompt: running text, or digits or a date that are composed of clips.

    A date stands as "01.05.1950" after the word before it ("der 01.05.1950"), which decides its endings.
    """

    kind: PieceKind
    text: str


class Templates:
    """The prompt files of one language.

    Args:
        folder: ivr_prompts/<language>.
    """

    def __init__(self, folder: Path) -> None:
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            autoescape=False,  # spoken text, not HTML
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_marked_number,
        )
        self._environment.filters["digits"] = _marked

    def pieces(self, name: str, values: Values) -> tuple[Piece, ...]:
        """Render prompt `name`.

        Raises:
            PromptError: no such prompt, a fault in it, or a value that it lacks.
        """
        if not _NAME.fullmatch(name):
            raise PromptError(f"{name[:80]!r} is no prompt name")
        try:
            text = self._environment.get_template(f"{name}.j2").render(_nested(values))
        except TemplateNotFound:
            raise PromptError(f"prompt {name!r} does not exist") from None
        except TemplateError as error:
            raise PromptError(f"prompt {name!r}: {type(error).__name__}: {error.message}") from None
        except (ArithmeticError, LookupError, TypeError, ValueError, MemoryError, RecursionError) as error:
            raise PromptError(f"prompt {name!r}: {type(error).__name__}") from None
        return cut(text)


def fill(text: str, values: Values) -> tuple[Piece, ...]:
    """Return an inline text with its placeholders (`{{ practice.name }}`) filled, nothing else interpreted.

    Raises:
        PromptError: a placeholder without a value, or other template marks.
    """
    unknown = inline(text) - set(values)
    if unknown:
        raise PromptError(f"inline text: no value for {', '.join(sorted(unknown))}")
    rest = PLACEHOLDER.sub("", text)
    if any(mark in rest for mark in ("{{", "}}", "{%", "{#")):
        raise PromptError("inline text: only placeholders such as {{ practice.name }} are allowed")
    return cut(PLACEHOLDER.sub(lambda found: str(_marked_number(values[found[1]])), text))


def cut(text: str) -> tuple[Piece, ...]:
    """Cut rendered text at its marked digits.

    Raises:
        PromptError: longer than `LONGEST`.
    """
    if len(text) > LONGEST:
        raise PromptError(f"text of {len(text)} characters is over the limit of {LONGEST}")
    pieces: list[Piece] = []
    begin = 0
    for found in _MARKED.finditer(text):
        _add(pieces, "text", text[begin : found.start()])
        _add(pieces, "digits" if found[1] == _DIGITS else "date", found[2])
        begin = found.end()
    _add(pieces, "text", text[begin:])
    return tuple(pieces)


def _add(pieces: list[Piece], kind: PieceKind, raw: str) -> None:
    words = " ".join(raw.translate(_MARKS).split())
    if not any(sign.isalnum() for sign in words):
        return
    if kind == "date" and pieces and pieces[-1].kind == "text":
        rest, _, before = pieces.pop().text.rpartition(" ")
        pieces.extend([Piece("text", rest)] if rest else [])
        words = f"{before} {words}"
    pieces.append(Piece(kind, words))


def _marked(value: object) -> str:
    return f"{_DIGITS}{str(value).translate(_MARKS)}{_CLOSE}"


def _marked_number(value: object) -> object:
    if not isinstance(value, str):
        return value
    if _DATE.fullmatch(value):
        return f"{_DAY}{value}{_CLOSE}"
    return _marked(value) if _NUMBER.fullmatch(value) else value


def _nested(values: Values) -> dict[str, object]:
    """Return {"practice.name": x} as {"practice": {"name": x}}, as templates address it."""
    tree: dict[str, object] = {}
    for name, value in sorted(values.items()):
        *path, leaf = name.split(".")
        branch = tree
        for step in path:
            below = branch.setdefault(step, {})
            if not isinstance(below, dict):
                raise PromptError(f"value {step!r} is both a text and a group")
            branch = below
        branch[leaf] = value
    return tree
