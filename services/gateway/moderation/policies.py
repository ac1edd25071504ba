"""The policies of accounts, kept at hand: every clause that is said is judged by one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Protocol

import structlog

from services.common.errors import Unavailable
from services.gateway.moderation.policy import Policy
from services.gateway.moderation.records import PolicyVersion

log = structlog.get_logger()

_FRESH_S = 5.0
"""By then a change made at another gateway holds here."""
_MOST_KEPT = 1_000


class PolicyRecords(Protocol):
    """The record of policies."""

    async def get(self, account_id: str, version: int | None = None) -> PolicyVersion:
        """The latest, or a version. Raises PolicyNotFound."""

    async def put(
        self, account_id: str, policy: Policy, *, author: str, expected_version: int | None
    ) -> PolicyVersion:
        """Makes a policy the latest. Raises StateConflict."""

    async def list(self, account_id: str, *, limit: int, before: int) -> list[PolicyVersion]:
        """Versions before one, newest first; 0: from the latest on."""


class Policies:
    """What holds now, of every account."""

    def __init__(self, records: PolicyRecords) -> None:
        self.records = records
        self._known: OrderedDict[str, tuple[float, Policy]] = OrderedDict()

    async def of(self, account_id: str) -> Policy:
        """The account's policy; while storage is away, the one that was known last.

        Raises Unavailable when none was.
        """
        now_s = asyncio.get_running_loop().time()
        known = self._known.get(account_id)
        if known and now_s - known[0] < _FRESH_S:
            return known[1]
        try:
            policy = (await self.records.get(account_id)).policy
        except Unavailable as error:
            if known is None:
                raise
            log.warning("policy.stale", account_id=account_id, reason=error.reason)
            return known[1]
        self._keep(account_id, policy, now_s)
        return policy

    async def put(
        self, account_id: str, policy: Policy, *, author: str, expected_version: int | None
    ) -> PolicyVersion:
        """Makes a policy the latest; it holds here at once. Raises StateConflict."""
        made = await self.records.put(
            account_id, policy, author=author, expected_version=expected_version
        )
        self._keep(account_id, made.policy, asyncio.get_running_loop().time())
        return made

    def _keep(self, account_id: str, policy: Policy, now_s: float) -> None:
        self._known[account_id] = (now_s, policy)
        self._known.move_to_end(account_id)
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
