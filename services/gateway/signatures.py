"""Signatures of what is posted to others' endpoints, after Standard Webhooks.

HMAC-SHA256 over `id.timestamp.body`, https://www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"
_LEAST_BYTES = 16


def sign(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The `webhook-signature` header."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def is_secret(text: str) -> bool:
    """Whether a text is a secret to sign with: `whsec_` and enough bytes in base64."""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return False
    return text.startswith(_PREFIX) and len(key) >= _LEAST_BYTES
