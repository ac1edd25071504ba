"""Secrets that open the door, as they are told once and kept."""

from __future__ import annotations

import hashlib
import secrets

_SECRET_BYTES = 32
PREFIX_LENGTH = 10


def new_secret(prefix: str) -> str:
    """A new one; random enough that its SHA-256 alone can be kept and looked up."""
    return f"{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def digest(secret: str) -> str:
    """What is kept of it."""
    return hashlib.sha256(secret.encode()).hexdigest()
