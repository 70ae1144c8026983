"""Templates in, configuration files out; a value can never bring a line of its own."""

from __future__ import annotations

import contextlib
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


SECRET, OPEN = 0o640, 0o644
"""Modes of files that hold passwords, and of those that hold none."""


def write(files: Mapping[str, str], out: Path, mode: int = SECRET) -> tuple[Path, ...]:
    """Write files below a folder, which is made where it is missing.

    Args:
        files: name -> text.
        out: the folder; its group is given to the files: in Debian's /etc/asterisk that is Asterisk's.
        mode: who may read them.

    Raises:
        OSError: the folder or a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    group = out.stat().st_gid
    written = []
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            os.fchmod(handle, mode)  # one that was there may have been open to everybody
            with contextlib.suppress(PermissionError):  # who does not belong to the group cannot give it
                os.fchown(handle, -1, group)
            stream.write(text)
        written.append(path)
    return tuple(written)
