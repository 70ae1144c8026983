"""The JSON Schema of flow files, made from the kinds, so that editors complete and check while one types."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from callflow.kinds import KINDS
from callflow.kinds.goto import Case
from callflow.kinds.menu import Choice
from callflow.language.schema import Head

_SHORT = {f"#/$defs/{part.__name__}" for part in (Choice, Case)}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def flow_schema() -> dict[str, Any]:
    """Make the schema."""
    models = [(model, "validation") for model in (Head, *KINDS.values())]
    _, made = models_json_schema(models, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    defs = made["$defs"]
    node = {
        "description": "A node: exactly one kind.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {word: {"$ref": f"#/$defs/{kind.__name__}"} for word, kind in KINDS.items()},
    }
    for part in defs.values():
        _tidy(part)
    head = defs.pop("Head")
    head["description"] = head["description"].split("\n")[0]
    head["properties"]["nodes"]["additionalProperties"] = {"$ref": "#/$defs/Node"}
    return {
        "$schema": DIALECT,
        **head,
        "title": "Rufweiche call flow",
        "oneOf": [{"required": [name, "nodes"]} for name in ("flow", "subflow", "fragment")],
        "$defs": {**dict(sorted(defs.items())), "Node": node},
    }


def _tidy(part: dict[str, Any]) -> None:
    """Drop pydantic's titles, forbid unlisted keys and allow `"1": node` beside `"1": {to: node}`."""
    for field in part["properties"].values():
        field.pop("title", None)
        if patterns := field.get("patternProperties"):
            field["additionalProperties"] = False
            field["patternProperties"] = {name: _shorthand(target) for name, target in patterns.items()}
        elif "$ref" in (target := field.get("additionalProperties") or {}):
            field["additionalProperties"] = _shorthand(target)


def _shorthand(target: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": "string"}, target]} if target.get("$ref") in _SHORT else target
