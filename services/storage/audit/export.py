"""Verifies an export with nothing but itself and the operator's public key."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterable
from typing import Any

from services.storage.audit.chain import (
    ANCHOR,
    GENESIS,
    HEAD,
    Broken,
    Entry,
    Link,
    Signed,
    Walk,
    link_of,
)


def verify_export(lines: Iterable[str], public_keys: Collection[bytes]) -> tuple[str, Link]:
    """Whose chain a whole export is of, and its last place. Raises Broken."""
    account_id, walk = "", None
    head: Link | None = None
    for line in lines:
        told = _object(line, walk)
        if head is not None:
            raise Broken(head.seq, "lines follow the signed head")
        if walk is None:
            account_id = _account(told)
            walk = Walk(account_id, GENESIS)
        match told.get("type"):
            case "audit_anchor":
                if walk.at != GENESIS:
                    raise Broken(walk.at.seq, "an anchor stands between the entries")
                walk = Walk(account_id, link_of(_signed(told), ANCHOR, account_id, public_keys))
            case "audit_head":
                head = link_of(_signed(told), HEAD, account_id, public_keys)
            case _:
                walk.step(_entry(told, walk))
    if walk is None or head is None:
        raise Broken(0 if walk is None else walk.at.seq, "the signed head is missing")
    if walk.at != head:
        first = min(walk.at.seq, head.seq) + 1
        raise Broken(first, f"the chain was signed up to entry {head.seq}, and is another")
    return account_id, head


def verify_log(lines: Iterable[str], account_id: str, hashes: dict[int, str]) -> int:
    """How many checkpoints of a log the chain agrees with. Raises Broken at one that it doesn't.

    `hashes` are those of the entries that there are; checkpoints of others are passed over.
    """
    found = 0
    for line in lines:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if not isinstance(told, dict) or told.get("event") != "audit.checkpoint":
            continue
        seq = told.get("seq")
        if told.get("account_id") != account_id or seq not in hashes:
            continue
        if hashes[seq] != told.get("hash"):
            raise Broken(seq, "the chain is not the one that the log tells of")
        found += 1
    return found


def _object(line: str, walk: Walk | None) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Broken(walk.at.seq + 1 if walk else 0, "a line is no JSON object")
    return told


def _account(told: dict[str, Any]) -> str:
    """Whose chain it is, by its first line."""
    if "statement" not in told:
        return str(told.get("account_id", ""))
    try:
        return str(json.loads(told["statement"])["account_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise Broken(0, "the first line can't be read") from error


def _signed(told: dict[str, Any]) -> Signed:
    try:
        return Signed(str(told["statement"]), base64.b64decode(told["signature"], validate=True))
    except (KeyError, TypeError, binascii.Error) as error:
        raise Broken(0, f"the {told.get('type')} can't be read") from error


def _entry(told: dict[str, Any], walk: Walk) -> Entry:
    try:
        return Entry.of_json(told)
    except (ValueError, TypeError) as error:
        raise Broken(walk.at.seq + 1, "a line is no entry") from error
