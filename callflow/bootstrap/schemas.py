"""JSON Schemas of the configuration's files, made from their models, so that editors complete and check.

python -m callflow.bootstrap.schemas CONFIG    writes them anew
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from callflow.language import json_schema
from callflow.language.calendars import WrittenCalendar
from callflow.plan import Plan
from callflow.settings import Practice
from callflow.web.forms.form import Form

_ARGUMENT = re.compile(r"^ {4}([a-z][a-z0-9_, ]*): (.*(?:\n {8}.*)*)", re.MULTILINE)


def flow() -> dict[str, Any]:
    """Make the schema of config/flows/*.yaml."""
    return json_schema.flow_schema()


def practice() -> dict[str, Any]:
    """Make the schema of config/practice.yaml."""
    return _schema(Practice, "Rufweiche practice")


def lines() -> dict[str, Any]:
    """Make the schema of config/lines.yaml."""
    return _schema(Plan, "Rufweiche lines and numbers")


def form() -> dict[str, Any]:
    """Make the schema of config/forms/*.yaml."""
    return _schema(Form, "Rufweiche form")


def hours() -> dict[str, Any]:
    """Make the schema of config/hours.yaml: calendars by name."""
    calendar = _schema(WrittenCalendar, "")
    parts = calendar.pop("$defs")
    named = {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/Calendar"}}
    return {
        "$schema": calendar.pop("$schema"),
        "title": "Rufweiche opening hours",
        "type": "object",
        "properties": {"calendars": named},
        "required": ["calendars"],
        "additionalProperties": False,
        "$defs": {"Calendar": calendar, **parts},
    }


SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "flow": flow,
    "form": form,
    "hours": hours,
    "lines": lines,
    "practice": practice,
}
"""Name of the file, without ".schema.json", and what makes it."""


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    made = model.model_json_schema(by_alias=True)
    parts = made.pop("$defs", {})
    for part in (made, *parts.values()):
        _tidy(part)
    return {"$schema": json_schema.DIALECT, **made, "title": title, "$defs": dict(sorted(parts.items()))}


def _tidy(part: dict[str, Any]) -> None:
    """Drop pydantic's titles, and tell each field by what the model's docstring says of it."""
    told = part.pop("description", "")
    part.pop("title", None)
    part["description"] = told.split("\n")[0]
    words = {
        name: " ".join(text.split()) for names, text in _ARGUMENT.findall(told) for name in names.split(", ")
    }
    for name, field in part.get("properties", {}).items():
        field.pop("title", None)
        if name in words:
            field["description"] = words[name]


def text(name: str) -> str:
    """Write a schema as its file reads."""
    return json.dumps(SCHEMAS[name](), ensure_ascii=False, indent=2) + "\n"


def write(config: Path) -> None:
    """Write all schemas into the configuration's folder."""
    for name in SCHEMAS:
        (config / f"{name}.schema.json").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
