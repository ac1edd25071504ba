"""Names of things: a prefix that tells the kind, and a ULID."""

from __future__ import annotations

import re

from ulid import ULID

_ID = re.compile(r"[a-z]{2,3}_[0-9A-HJKMNP-TV-Z]{26}")


def new_id(prefix: str) -> str:
    """A new id such as `vd_01J…`; ids of one prefix sort by the millisecond they were made."""
    return f"{prefix}_{ULID()}"


def is_id(value: str, prefix: str) -> bool:
    """Whether the value has the form of an id of that kind."""
    return value.startswith(f"{prefix}_") and _ID.fullmatch(value) is not None
