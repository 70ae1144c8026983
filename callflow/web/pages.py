"""Rendering: Jinja templates with autoescaping, the catalogues, and assets named by their content."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from callflow import numbers
from callflow.web.catalogue import PATIENT_LANGUAGES, STAFF_LANGUAGES, Texts, load

HERE = Path(__file__).parent
STATIC = HERE / "static"
_HASH_DIGITS = 10


@cache
def environment() -> Environment:
    """Return the template environment; templates are ours, so they may use the whole language."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = asset
    made.filters["phone"] = numbers.written
    return made


@cache
def asset(name: str) -> str:
    """Return the address of a static file; its content's hash lets browsers keep it for ever."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:_HASH_DIGITS]
    return f"/static/{name}?v={digest}"


@cache
def staff_texts() -> Mapping[str, Texts]:
    """Return the staff catalogue of every language."""
    return load("staff", STAFF_LANGUAGES)


@cache
def form_texts() -> Mapping[str, Texts]:
    """Return the patients' catalogue of every language."""
    return load("form", PATIENT_LANGUAGES)


def page(template: str, texts: Texts, status: int = 200, **values: object) -> HTMLResponse:
    """Render a template in one language."""
    html = environment().get_template(template).render(t=texts, **values)
    return HTMLResponse(html, status, headers={"Content-Language": texts.language})
