"""Who may come in, and how often."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from services.common.errors import Overloaded, Unauthenticated
from services.gateway.identity import Accounts
from services.gateway.permissions import Caller

_SCHEME = "bearer"
_MAX_CACHED_KEYS = 10_000
_MAX_SECRET_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until_s: float

    def holds(self, now_s: float) -> bool:
        """Whether it may be believed without asking again."""
        over = self.caller.until is not None and self.caller.until <= datetime.now(UTC)
        return self.until_s > now_s and not over


class Door:
    """Lets requests in by the secret that they bear and counts them.

    A good secret is believed for `cache_s` without asking again: one that another process ended
    opens this door for that long at most.
    """

    def __init__(
        self,
        accounts: Accounts,
        *,
        cache_s: float,
        rate_limit: str,
        open_rate_limit: str,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._cache_s = cache_s
        self._now_s = now_s
        self._known: dict[str, _Known] = {}
        self._limit = parse(rate_limit)
        self._open_limit = parse(open_rate_limit)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def admit(self, authorization: str | None) -> Caller:
        """Who sends a request that may go on. Raises Unauthenticated, Overloaded."""
        caller = await self._whose(secret_of(authorization))
        self._count(self._limit, caller.actor_id, "with this key")
        return caller

    def admit_stranger(self, origin: str) -> None:
        """Counts a request that anybody may send. Raises Overloaded."""
        self._count(self._open_limit, origin, "from this address")

    def forget(self, actor_id: str) -> None:
        """What lets somebody in was changed here: that holds at once."""
        self._known = {
            digest: known
            for digest, known in self._known.items()
            if known.caller.actor_id != actor_id
        }

    def _count(self, limit: RateLimitItem, who: str, whose: str) -> None:
        if not self._limiter.hit(limit, who):
            reset_s = self._limiter.get_window_stats(limit, who).reset_time
            raise Overloaded(
                f"more than {limit} {whose}", retry_after_s=max(1.0, reset_s - time.time())
            )

    def forget_account(self, account_id: str) -> None:
        """What an account may do was changed here: that holds at once."""
        self._known = {
            digest: known
            for digest, known in self._known.items()
            if known.caller.account_id != account_id
        }

    async def _whose(self, secret: str) -> Caller:
        digest = hashlib.sha256(secret.encode()).hexdigest()
        known = self._known.get(digest)
        if known and known.holds(self._now_s()):
            return known.caller
        caller = await self._accounts.authenticate(secret)
        if len(self._known) >= _MAX_CACHED_KEYS:
            self._known.clear()
        self._known[digest] = _Known(caller, self._now_s() + self._cache_s)
        return caller


def secret_of(authorization: str | None) -> str:
    """What an Authorization header bears. Raises Unauthenticated."""
    scheme, _, secret = (authorization or "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != _SCHEME or not secret:
        raise Unauthenticated("send the header `Authorization: Bearer vk_…`, or a session's `vs_…`")
    if len(secret) > _MAX_SECRET_CHARACTERS or not secret.isascii():
        raise Unauthenticated("the API key is not valid")
    return secret
