"""Certificates of erasure, signed by the operator's key."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from services.common.errors import StartupError
from services.storage.catalog.records import Consent, Erased


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is certified, and the proof: Ed25519, RFC 8032."""

    statement: bytes
    """JSON in UTF-8."""
    signature: bytes
    public_key: bytes


class Signer:
    """Signs with one key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> bytes:
        """What verifies its signatures, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, statement: bytes) -> bytes:
        """The signature of a statement."""
        return self._key.sign(statement)

    def certify(self, consent: Consent, erased: Erased, *, now: datetime) -> Certificate:
        """That nothing of an ended consent is left."""
        ended_at = consent.ended_at.isoformat() if consent.ended_at else ""
        statement = {
            "type": "erasure",
            "consent_id": consent.id,
            "account_id": consent.account_id,
            "subject_id": consent.subject_id,
            "subject": consent.subject,
            "ended_at": ended_at,
            "end_reason": consent.end_reason,
            "avatars": erased.avatar_ids,
            "videos": erased.video_ids,
            "streams": erased.stream_ids,
            "objects": [f"{ref.bucket}/{ref.key}" for ref in erased.objects],
            "certified_at": now.isoformat(),
        }
        return self.certificate(statement)

    def certificate(self, statement: dict[str, Any]) -> Certificate:
        """Of any statement that JSON can say."""
        text = json.dumps(statement, ensure_ascii=False, sort_keys=True).encode()
        return Certificate(text, self.sign(text), self.public_key)


def open_signer(path: Path) -> Signer:
    """With the key in a PEM file, which is made when there is none.

    Raises StartupError when it can't be read, made, or is of another kind.
    """
    try:
        if not path.exists():
            _make(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise StartupError(f"the signing key {path} can't be used: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StartupError(f"the signing key {path} is no Ed25519 key")
    return Signer(key)


def _make(path: Path) -> None:
    """Replicas that start together agree on the first one's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(pem)
    try:
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
