"""Is an answer as an OpenAPI description says?"""

from __future__ import annotations

from typing import Any

import jsonschema_rs


def faults(description: dict[str, Any], method: str, path: str, status: int, content: object) -> list[str]:
    """Return what is wrong with a JSON answer."""
    responses = description["paths"][path][method]["responses"]
    schema = responses[str(status)]["content"]["application/json"]["schema"]
    whole = {**_nullable(schema), "components": _nullable(description["components"])}
    return [error.message for error in jsonschema_rs.validator_for(whole).iter_errors(content)]


def _nullable(schema: Any) -> Any:  # noqa: ANN401  any JSON
    """Say OpenAPI 3.0's `nullable` in JSON Schema's words; formats that only humans check are left out."""
    if isinstance(schema, list):
        return [_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        key: _nullable(value) for key, value in schema.items() if key not in ("nullable", "format", "example")
    }
    if schema.get("nullable") is True:
        return {"anyOf": [plain, {"type": "null"}]}
    return plain
