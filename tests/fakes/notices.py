"""Notices and the standing of accounts in memory, with the rules of the real ones."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.common.errors import NoticeNotFound, PrivacyPolicyNotFound
from services.common.ids import new_id
from services.gateway.notices import Notice, NoticeKind, NoticeText, ReceivedNotice
from services.gateway.records import Page
from services.gateway.standing import (
    Acceptance,
    NewPrivacyPolicy,
    PrivacyPolicy,
    Shutdown,
    Standing,
)
from tests.fakes.catalog import page_of


@dataclass(frozen=True, slots=True)
class _Received:
    """With the id that pages go by."""

    id: str
    account_id: str
    received: ReceivedNotice


@dataclass
class FakeNotices:
    """What accounts were told."""

    now: Callable[[], datetime]
    kept: builtins.list[_Received] = field(default_factory=list)
    webhooks: dict[str, str] = field(default_factory=dict)

    def tell(self, account_id: str, kind: NoticeKind, **texts: NoticeText) -> Notice:
        notice = Notice(new_id("no"), kind, texts, "operator:ada", self.now())
        self.kept.append(_Received(notice.id, account_id, ReceivedNotice(notice, None, "")))
        return notice

    async def list(
        self, account_id: str, *, limit: int, cursor: str, unread_only: bool
    ) -> Page[ReceivedNotice]:
        mine = [
            one
            for one in self.kept
            if one.account_id == account_id and not (unread_only and one.received.read_at)
        ]
        page = page_of(mine, limit, cursor, "no")
        return Page(tuple(one.received for one in page.items), page.next_cursor)

    async def mark_read(self, account_id: str, notice_id: str, *, read_by: str) -> ReceivedNotice:
        for number, one in enumerate(self.kept):
            if (one.id, one.account_id) == (notice_id, account_id):
                if one.received.read_at is None:
                    read = replace(one.received, read_at=self.now(), read_by=read_by)
                    self.kept[number] = replace(one, received=read)
                return self.kept[number].received
        raise NoticeNotFound("no such notice")

    async def set_webhook(self, account_id: str, url: str) -> None:
        self.webhooks[account_id] = url

    async def webhook(self, account_id: str) -> str:
        return self.webhooks.get(account_id, "")


async def _nobody(_: str) -> bool:
    return False


@dataclass
class FakeStandings:
    """Versions of the privacy policy, who accepted them, and the service's end."""

    now: Callable[[], datetime]
    policies: list[PrivacyPolicy] = field(default_factory=list)
    accepted: dict[tuple[str, str], Acceptance] = field(default_factory=dict)
    shutdown: Shutdown | None = None
    lacks_guardian: Callable[[str], Awaitable[bool]] = _nobody

    def publish(self, new: NewPrivacyPolicy) -> PrivacyPolicy:
        policy = PrivacyPolicy(
            version=new.version,
            texts=new.texts,
            changes=new.changes,
            material=new.material,
            effective_at=new.effective_at,
            published_by=new.published_by,
            sha256="00" * 32,
            published_at=self.now(),
        )
        self.policies.insert(0, policy)
        return policy

    async def standing(self, account_id: str) -> Standing:
        in_force = [policy for policy in self.policies if policy.effective_at <= self.now()]
        material = [policy for policy in in_force if policy.material]
        since = in_force[: in_force.index(material[0]) + 1] if material else []
        mine = {version for holder, version in self.accepted if holder == account_id}
        met = not account_id or not since or any(policy.version in mine for policy in since)
        lacks = await self.lacks_guardian(account_id)
        return Standing("" if met else in_force[0].version, self.shutdown, lacks)

    async def privacy_policy(self, version: str) -> PrivacyPolicy:
        for policy in self.policies:
            if policy.version == version or (not version and policy.effective_at <= self.now()):
                return policy
        raise PrivacyPolicyNotFound("no such privacy policy was published")

    async def privacy_policies(self) -> Sequence[PrivacyPolicy]:
        return [replace(policy, texts={}) for policy in self.policies]

    async def accept(self, account_id: str, version: str, *, accepted_by: str) -> Acceptance:
        await self.privacy_policy(version)
        new = Acceptance(version, accepted_by, self.now())
        return self.accepted.setdefault((account_id, version), new)

    async def acceptances(self, account_id: str) -> Sequence[Acceptance]:
        return [one for (holder, _), one in self.accepted.items() if holder == account_id][::-1]
