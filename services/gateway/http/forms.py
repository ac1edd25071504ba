"""How OpenAPI describes bodies that are forms."""

from __future__ import annotations

from typing import Any

from services.gateway.http.uploads import FORM_TYPE


def form_body(file: str, **fields: dict[str, Any]) -> dict[str, Any]:
    """The `content` of a form with one file and these fields, all of them required."""
    properties = {file: {"type": "string", "format": "binary"}, **fields}
    schema = {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }
    return {FORM_TYPE: {"schema": schema}}
