"""The record of provenance in memory, with the rules of the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime

from services.common.errors import AgreementRequired, StateConflict
from services.gateway.look import Look
from services.gateway.provenance import UnlabelledAgreement, Verified

VERSION = "2026-11"
_TEXT = "You label it yourself."


@dataclass
class FakeProvenance:
    """Agreements of all accounts."""

    now: Callable[[], datetime]
    accepted: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    unlabelled: list[str] = field(default_factory=list)
    """Videos and streams without the mark."""
    verified: Verified = field(default_factory=lambda: Verified(False, None, None, "", None))
    """What is said of every file."""
    seen: bytes = b""
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By account and video."""

    async def agreement(self, account_id: str) -> UnlabelledAgreement:
        by, at = self.accepted.get(account_id, ("", None))
        return UnlabelledAgreement(VERSION, _TEXT, by, at)

    async def accept_agreement(
        self, account_id: str, version: str, *, actor_id: str
    ) -> UnlabelledAgreement:
        if version != VERSION:
            raise StateConflict("the version to accept is another")
        self.accepted.setdefault(account_id, (actor_id, self.now()))
        return await self.agreement(account_id)

    async def end_agreement(self, account_id: str, *, actor_id: str) -> None:
        self.accepted.pop(account_id, None)

    async def manifest(self, account_id: str, video_id: str) -> bytes:
        return self.manifests.get((account_id, video_id), b"")

    async def verify(self, account_id: str, data: AsyncIterator[bytes]) -> Verified:
        self.seen = b"".join([block async for block in data])
        return self.verified

    def permit(self, account_id: str, output_id: str, look: Look) -> None:
        """As the catalog does for what it records."""
        if not look.unmarked:
            return
        if account_id not in self.accepted:
            raise AgreementRequired("pictures without the mark need an agreement")
        self.unlabelled.append(output_id)
