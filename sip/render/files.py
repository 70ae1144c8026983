"""Templates in, configuration files out; a value can never bring a line of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

BANNER = "Rendered by rufweiche render from config/lines.yaml. Changes here are lost."
SYSTEM_TRUST = "/etc/ssl/certs/ca-certificates.crt"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class RenderError(ValueError):
    """What the plan or the environment holds cannot be rendered.

    Args:
        code: key of the message catalogue (`callflow.language`).
        values: what to fill into the message.
    """

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(": ".join((code, *values.values())))
        self.code = code
        self.values = values


def _one_line(value: object) -> object:
    if isinstance(value, str) and _CONTROL.search(value):
        raise RenderError("render-control")
    return value


def _asterisk(value: object) -> object:
    value = _one_line(value)
    return value.replace(";", "\\;") if isinstance(value, str) else value


def _kamailio(value: object) -> object:
    value = _one_line(value)
    if isinstance(value, str) and set(value) & set("\"'\\#!$`"):
        raise RenderError("render-meaning")
    return value


def environment(templates: Path, language: str) -> Environment:
    """Return the template environment; `language` ("asterisk" or "kamailio") decides what is escaped."""
    return Environment(
        loader=FileSystemLoader(templates),
        undefined=StrictUndefined,
        finalize=_asterisk if language == "asterisk" else _kamailio,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # no HTML: finalize escapes for the target's own syntax
    )


def write(files: Mapping[str, str], out: Path) -> tuple[Path, ...]:
    """Write the files below `out`, each readable by owner and group only: they hold secrets."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        written.append(path)
    return tuple(written)
