"""From a prompt's name and values to the text that is spoken.

Prompt files (ivr_prompts/<language>/<name>.j2) are written by people with file access: Jinja2 in its sandbox,
rendered in the speech worker, whose time and memory are limited, because even a sandboxed template can
ask for ten gigabytes of "a". Texts typed into flows or web pages know placeholders only (`fill`).

A value that is a telephone number (E.164 or written) or that passes the filter `digits` comes out as its own
piece: it is spoken from cached digit clips, so that no caller's number ever rests in the cache.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from callflow.placeholders import PLACEHOLDER, inline

LONGEST = 4000  # characters of one prompt; about five minutes of speech
_NAME = re.compile(r"[a-z0-9äöüß][a-z0-9äöüß_/-]{0,80}")
_NUMBER = re.compile(r"[+0][\d ()/-]{5,24}|\d{5,24}")
_OPEN, _CLOSE = "\ue000", "\ue001"  # private use: never typed, so they can mark a piece through a template
_MARKED = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")

Values = Mapping[str, str]


class PromptError(ValueError):
    """A prompt that can't be turned into text; the message names the prompt, never a value."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a prompt: running text, or digits that are composed of clips."""

    kind: Literal["text", "digits"]
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
    for index, part in enumerate(_MARKED.split(text)):
        words = " ".join(part.replace(_OPEN, "").replace(_CLOSE, "").split())
        if any(sign.isalnum() for sign in words):
            pieces.append(Piece("digits" if index % 2 else "text", words))
    return tuple(pieces)


def _marked(value: object) -> str:
    return f"{_OPEN}{str(value).strip(_OPEN + _CLOSE)}{_CLOSE}"


def _marked_number(value: object) -> object:
    return _marked(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


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
