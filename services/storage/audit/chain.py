"""A chain of audit entries, each hashed together with the hash of the one before.

Knows no database: an export is verified with this module and a public key alone. The encoding is
described byte by byte in docs/audit.md; it is RFC 8785's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = 1
"""Stands in every entry as `v`."""
HEAD, CHECKPOINT, ANCHOR = "audit_head", "audit_checkpoint", "audit_anchor"
"""Kinds of signed statements: an export's end, a chain so far, and where one begins."""


@dataclass(frozen=True, slots=True)
class Link:
    """A place in a chain."""

    seq: int
    hash: str
    """SHA-256, lower-case hex."""


GENESIS = Link(0, "0" * 64)
"""What the first entry follows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what, to what, why, and how it ended."""

    account_id: str
    """Whose chain it stands in; empty: the operator's own."""
    seq: int
    """From 1, without gaps."""
    at: datetime
    """When it was written, by storage's clock; never before the entry before."""
    actor: str
    """An API key's id, a person's, a stream's whose token was shown; `operator:NAME`; `system`."""
    actor_kind: str
    """`key`, `person`, `token`, `operator` or `system`."""
    action: str
    """The operation's id."""
    target: str
    """The ids of what it was done to, the outer one first, with `/` between them."""
    outcome: str
    """The HTTP status; `begun`, before a privileged act is tried; `done`, by storage itself."""
    reason: str
    """Why, where one has to say so."""
    request_id: str
    address: str
    """The caller's network: a /24 or a /48."""
    previous_hash: str
    hash: str

    def as_json(self) -> dict[str, Any]:
        """All that is hashed."""
        values = asdict(self)
        del values["hash"]
        return {**values, "at": timestamp(self.at), "v": FORMAT}

    def computed_hash(self) -> str:
        """The hash that it must have."""
        return hashlib.sha256(canonical(self.as_json())).hexdigest()

    @property
    def link(self) -> Link:
        """Its place."""
        return Link(self.seq, self.hash)

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Entry:
        """An entry of an export. Raises ValueError when it is none."""
        values = dict(told)
        if values.pop("v", None) != FORMAT or set(values) != set(cls.__slots__):
            raise ValueError("no entry of this format")
        if type(values["seq"]) is not int:
            raise ValueError("seq must be a whole number")
        if not all(isinstance(values[name], str) for name in cls.__slots__ if name != "seq"):
            raise ValueError("all but seq must be text")
        at = datetime.fromisoformat(values["at"])
        entry = cls(**{**values, "at": at})
        # Only one way of writing a time is hashed.
        if at.tzinfo is None or timestamp(at) != values["at"]:
            raise ValueError("at must be written in UTC, with six decimals")
        return entry


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement and its signature."""

    statement: str
    """JSON."""
    signature: bytes
    """Ed25519 (RFC 8032) over the statement in UTF-8."""


class Broken(Exception):
    """A chain is not as it was written."""

    def __init__(self, seq: int, what: str) -> None:
        super().__init__(what)
        self.seq = seq
        """The first entry that is wrong."""
        self.what = what


class Walk:
    """Follows a chain, entry by entry."""

    def __init__(self, account_id: str, start: Link = GENESIS) -> None:
        self.account_id = account_id
        self.at = start
        """How far it was followed."""
        self._time: datetime | None = None

    def step(self, entry: Entry) -> None:
        """Goes on to the next entry. Raises Broken."""
        due = self.at.seq + 1
        if entry.seq > due:
            raise Broken(due, f"{entry.seq - due} entries are missing")
        if entry.seq < due:
            raise Broken(entry.seq, "the entry stands in the wrong place")
        if entry.account_id != self.account_id:
            raise Broken(due, "the entry is of another chain")
        if entry.hash != entry.computed_hash():
            raise Broken(due, "the entry was changed")
        if entry.previous_hash != self.at.hash:
            raise Broken(due, "the entry does not follow the one before")
        if self._time is not None and entry.at < self._time:
            raise Broken(due, "the entry is older than the one before")
        self.at, self._time = entry.link, entry.at


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON as RFC 8785 writes it, for objects of texts and whole numbers."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def timestamp(at: datetime) -> str:
    """A time as it is hashed: `2026-11-26T20:55:44.000000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def statement(kind: str, account_id: str, link: Link, at: datetime) -> str:
    """What is signed of a chain."""
    told = {
        "type": kind,
        "account_id": account_id,
        "seq": link.seq,
        "hash": link.hash,
        "signed_at": timestamp(at),
    }
    return canonical(told).decode()


def link_of(signed: Signed, kind: str, account_id: str, public_keys: Collection[bytes]) -> Link:
    """The place that a statement of the chain vouches for. Raises Broken."""
    try:
        told = json.loads(signed.statement)
        link = Link(int(told["seq"]), str(told["hash"]))
        about = (told["type"], told["account_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise Broken(0, f"the {kind} can't be read") from error
    if about != (kind, account_id):
        raise Broken(link.seq, f"the {kind} is of something else")
    if not any(_verifies(signed, key) for key in public_keys):
        raise Broken(link.seq, f"the {kind} is not signed by the operator's key")
    return link


def _verifies(signed: Signed, public_key: bytes) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(signed.signature, signed.statement.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
