"""What lets somebody without an API key watch or steer one stream."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from services.common.errors import Forbidden, Overloaded, Unauthenticated

PREFIX = "vt_"
_MAX_TOKENS = 10_000


class Right(StrEnum):
    """What a token allows."""

    VIEW = "view"
    """To watch the stream."""
    CONTROL = "control"
    """To make it speak, to interrupt it, to look at it."""


@dataclass(slots=True)
class _Grant:
    rights: frozenset[Right]
    until_s: float
    single_use: bool


class Tokens:
    """The tokens of one stream, kept as digests; they end with it."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._grants: dict[str, _Grant] = {}

    def issue(self, rights: frozenset[Right], *, ttl_s: float, single_use: bool = False) -> str:
        """A new token. Raises Overloaded when the stream has too many."""
        now_s = self._now_s()
        self._grants = {key: one for key, one in self._grants.items() if one.until_s > now_s}
        if len(self._grants) >= _MAX_TOKENS:
            raise Overloaded("the stream has too many tokens", retry_after_s=60)
        token = f"{PREFIX}{secrets.token_urlsafe(24)}"
        self._grants[_digest(token)] = _Grant(rights, now_s + ttl_s, single_use)
        return token

    def check(self, token: str, right: Right) -> None:
        """Lets a token in, and uses it up if it is for single use.

        Raises Unauthenticated (unknown, of another stream, too late, used before), Forbidden.
        """
        grant = self._grants.get(_digest(token))
        if grant is None or grant.until_s <= self._now_s():
            raise Unauthenticated("the token is not valid for this stream, or not any more")
        if right not in grant.rights:
            raise Forbidden(f"the token does not allow to {right.value} the stream")
        if grant.single_use:
            del self._grants[_digest(token)]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
