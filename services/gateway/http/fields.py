"""Kinds of values that requests hold: what is accepted is what OpenAPI shows."""

from __future__ import annotations

import re
from typing import Annotated, Any

import httpx
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
)

from services.gateway.records import Scalar
from services.gateway.sizes import MIN_SIDE
from services.gateway.texts import SAYABLE

MAX_LONG_SIDE = 3840
_MAX_NUMBER = 2**53
_MAX_VALUE_CHARACTERS = 500
_PRINTABLE = r"[^\x00-\x1f\x7f-\x9f]*"


def _printable(value: str) -> str:
    if not re.fullmatch(_PRINTABLE, _storable(value)):
        raise ValueError("control characters are not allowed")
    return value


def _scalar(value: Any) -> Scalar:
    match value:
        case str() if len(value) <= _MAX_VALUE_CHARACTERS:
            return _storable(value)
        case int() | float() if abs(value) <= _MAX_NUMBER:
            return value
        case None:
            return None
        case _:
            raise ValueError("a short text, a number up to 2^53, a boolean or null is expected")


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 512.0 is as whole as 512."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _storable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half a surrogate pair is no character") from error
    if "\x00" in value:
        raise ValueError("NUL characters are not allowed")
    return value


def _web_address(value: str) -> str:
    try:
        _ = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise ValueError("not a URL") from error
    return value


def _shown(**keywords: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **keywords})


def _text(max_characters: int) -> WithJsonSchema:
    """How OpenAPI shows a text, whose faults have codes of their own."""
    pattern = f"^[^\\x00]*[{SAYABLE}][^\\x00]*$"
    return _shown(minLength=1, maxLength=max_characters, pattern=pattern)


METADATA_NAMES: dict[str, JsonValue] = {
    "propertyNames": {"minLength": 1, "maxLength": 64, "pattern": f"^{_PRINTABLE}$"}
}
"""What OpenAPI says of the names in metadata."""
NAME_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
_PORT = r"(:([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
_HOST = r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
_WEB_ADDRESS = rf"^https?://{_HOST}{_PORT}([/?][!-~]*)?$"

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=NAME_PATTERN),
    AfterValidator(_storable),
]
ScriptText = Annotated[str, AfterValidator(_storable), _text(20_000)]
SpeechText = Annotated[str, AfterValidator(_storable), _text(5_000)]
DriveText = Annotated[str, AfterValidator(_storable), _text(2_000)]
CheckedText = Annotated[
    str, AfterValidator(_storable), StringConstraints(min_length=1, max_length=20_000)
]
PolicyPhrase = Annotated[
    str, AfterValidator(_storable), StringConstraints(min_length=1, max_length=100)
]
Subject = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NAME_PATTERN),
    AfterValidator(_storable),
]
Reference = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=f"^{_PRINTABLE}$"),
    AfterValidator(_storable),
]
FindingReason = Annotated[
    str,
    AfterValidator(_storable),
    StringConstraints(min_length=1, max_length=1_000, pattern=r"\S"),
]
Statement = Annotated[
    str,
    AfterValidator(_storable),
    StringConstraints(min_length=1, max_length=2_000, pattern=r"\S"),
]
Note = Annotated[str, AfterValidator(_storable), StringConstraints(max_length=1_000)]
WholeNumber = Annotated[int, BeforeValidator(_whole)]
Id = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
MetadataKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_printable),
]
MetadataValue = Annotated[
    Any,
    AfterValidator(_scalar),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": _MAX_VALUE_CHARACTERS, "pattern": r"^[^\x00]*$"},
                {"type": "number", "minimum": -_MAX_NUMBER, "maximum": _MAX_NUMBER},
                {"type": "boolean"},
                {"type": "null"},
            ]
        }
    ),
]
WebAddress = Annotated[
    str, StringConstraints(max_length=2048, pattern=_WEB_ADDRESS), AfterValidator(_web_address)
]
Attestation = Annotated[bool, WithJsonSchema({"type": "boolean", "const": True})]
PhoneText = Annotated[
    str,
    StringConstraints(min_length=3, max_length=40, pattern=r"^[0-9+() .\-/]*$"),
    Field(examples=["+86 138 0013 8000"]),
]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), Field(examples=["123456"])]
UserName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=NAME_PATTERN),
    AfterValidator(_storable),
]
Email = Annotated[
    str,
    StringConstraints(
        max_length=254, pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]+\.[^@\s.]+$"
    ),
    AfterValidator(_storable),
    Field(examples=["ada@example.org"]),
]
Even = Annotated[int, Field(ge=MIN_SIDE, le=MAX_LONG_SIDE, multiple_of=2), BeforeValidator(_whole)]
