"""Privacy policies: versions that never change, and who accepted which."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from services.common.errors import InvalidInput, PrivacyPolicyNotFound, StateConflict
from services.storage.audit.ledger import OPERATOR, note
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.accounts import require_account
from services.storage.notices.notices import send_notice
from services.storage.notices.records import (
    LANGUAGES,
    Acceptance,
    ChangeKind,
    NewNotice,
    NewPrivacyPolicy,
    NoticeKind,
    NoticeText,
    PolicyChange,
    PrivacyPolicy,
)
from services.storage.notices.tables import policy_acceptances, privacy_policies

MAX_POLICY_TEXT = 200_000
MAX_CHANGES, MAX_SUMMARY = 100, 2_000
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_TAKEN = "this version, or one for the same time, was published; versions never change"
_TITLES = {"zh": "隐私政策将更新为版本 {}", "en": "The privacy policy changes to version {}"}
_EFFECT = {
    "zh": "自 {:%Y-%m-%d %H:%M} UTC 起生效。",
    "en": "It takes effect on {:%Y-%m-%d %H:%M} UTC.",
}
_REMEDY = {
    True: {
        "zh": "生效后须先同意该版本方可继续使用；查看、导出、删除和撤回同意不受影响。",
        "en": "From then on nothing new can be made before you accept it. Reading, export, "
        "deletion and withdrawal stay open.",
    },
    False: {"zh": "您无需采取任何措施。", "en": "You need not do anything."},
}


class PrivacyPolicies:
    """The record of privacy policies. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, new: NewPrivacyPolicy) -> PrivacyPolicy:
        """Publishes a version for good, and tells every account.

        The first one is material: nobody has accepted any. Raises InvalidInput, StateConflict for a
        version that there is, or one that would take effect before another.
        """
        _check(new)
        async with self._database.write() as tx:
            last = await tx.one(select(func.max(privacy_policies.c.effective_at)))
            if last[0] is not None and new.effective_at <= last[0]:
                raise StateConflict("a version takes effect after all that were published before")
            if await tx.one_or_none(_version(new.version)) is not None:
                raise StateConflict(_TAKEN)
            material = (
                last[0] is None or new.material or any(c.kind.is_material for c in new.changes)
            )
            values = {
                "version": new.version,
                "texts": dict(new.texts),
                "sha256": _sha256(new.texts),
                "changes": [
                    {"kind": change.kind.value, "summaries": dict(change.summaries)}
                    for change in new.changes
                ],
                "material": material,
                "effective_at": new.effective_at,
                "published_at": await tx.now(),
                "published_by": new.published_by,
            }
            new_row = insert(privacy_policies).values(values).returning(*privacy_policies.c)
            try:
                async with tx.savepoint():
                    row = await tx.one(new_row)
            except IntegrityError as error:
                # Another was published in the meantime.
                raise StateConflict(_TAKEN) from error
            policy = _policy(row)
            await send_notice(tx, _notice(policy))
            await note(
                tx,
                OPERATOR,
                actor=new.published_by,
                action="privacy_policy.published",
                target=new.version,
            )
        return policy

    async def get(self, version: str) -> PrivacyPolicy:
        """A version; empty: the one in force. Raises PrivacyPolicyNotFound."""
        async with self._database.read() as tx:
            if version:
                row = await tx.one_or_none(_version(version))
            else:
                row = await tx.one_or_none(await _in_force(tx))
        if row is None:
            raise PrivacyPolicyNotFound("no such privacy policy was published")
        return _policy(row)

    async def list(self) -> Sequence[PrivacyPolicy]:
        """All versions, newest first."""
        newest_first = select(privacy_policies).order_by(privacy_policies.c.effective_at.desc())
        async with self._database.read() as tx:
            return [_policy(row) for row in await tx.all(newest_first)]

    async def accept(self, account_id: str, version: str, *, accepted_by: str) -> Acceptance:
        """Notes that an account accepts a version; the first acceptance counts.

        Raises AccountNotFound, PrivacyPolicyNotFound.
        """
        mine = (
            policy_acceptances.c.account_id == account_id,
            policy_acceptances.c.version == version,
        )
        new = {"account_id": account_id, "version": version, "accepted_by": accepted_by}
        async with self._database.write() as tx:
            await require_account(tx, account_id)
            if await tx.one_or_none(_version(version)) is None:
                raise PrivacyPolicyNotFound("no such privacy policy was published")
            values = {**new, "accepted_at": await tx.now()}
            with suppress(IntegrityError):
                async with tx.savepoint():
                    await tx.execute(insert(policy_acceptances).values(values))
            row = await tx.one(select(policy_acceptances).where(*mine))
        return _acceptance(row)

    async def acceptances(self, account_id: str) -> Sequence[Acceptance]:
        """What an account has accepted, newest first."""
        mine = select(policy_acceptances).where(policy_acceptances.c.account_id == account_id)
        newest_first = mine.order_by(policy_acceptances.c.accepted_at.desc())
        async with self._database.read() as tx:
            return [_acceptance(row) for row in await tx.all(newest_first)]


async def policy_to_accept(tx: Transaction, account_id: str) -> str:
    """The version that the account has to accept before it goes on; empty: none.

    That is the one in force, when neither the last material one nor any after it was accepted.
    """
    material = (
        (await _in_force(tx))
        .where(privacy_policies.c.material.is_(True))
        .with_only_columns(privacy_policies.c.effective_at)
    )
    since = await tx.one_or_none(material)
    if since is None:
        return ""
    accepted = (
        select(policy_acceptances.c.version)
        .join(privacy_policies, privacy_policies.c.version == policy_acceptances.c.version)
        .where(
            policy_acceptances.c.account_id == account_id,
            privacy_policies.c.effective_at >= since.effective_at,
        )
        .limit(1)
    )
    if await tx.one_or_none(accepted) is not None:
        return ""
    return str((await tx.one(await _in_force(tx))).version)


async def policy_in_force(tx: Transaction) -> str:
    """The version of the policy in force; empty: none is."""
    row = await tx.one_or_none(await _in_force(tx))
    return str(row.version) if row else ""


async def _in_force(tx: Transaction) -> Any:
    effective = select(privacy_policies).where(privacy_policies.c.effective_at <= await tx.now())
    return effective.order_by(privacy_policies.c.effective_at.desc()).limit(1)


def _version(version: str) -> Any:
    return select(privacy_policies).where(privacy_policies.c.version == version)


def _sha256(texts: Mapping[str, str]) -> str:
    canonical = json.dumps(dict(texts), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _check(new: NewPrivacyPolicy) -> None:
    if not _VERSION.fullmatch(new.version):
        raise InvalidInput("a version is named by up to 40 letters, digits, dots and hyphens")
    if not new.texts or not set(LANGUAGES).issuperset(new.texts):
        raise InvalidInput(f"a policy is written in one or more of {', '.join(LANGUAGES)}")
    if any(not text.strip() or len(text) > MAX_POLICY_TEXT for text in new.texts.values()):
        raise InvalidInput(f"a policy's text has 1 to {MAX_POLICY_TEXT} characters")
    if len(new.changes) > MAX_CHANGES:
        raise InvalidInput(f"at most {MAX_CHANGES} changes")
    for change in new.changes:
        if not change.summaries or not set(LANGUAGES).issuperset(change.summaries):
            raise InvalidInput("each change is summed up in zh, en or both")
        if any(not told.strip() or len(told) > MAX_SUMMARY for told in change.summaries.values()):
            raise InvalidInput(f"a change's summary has 1 to {MAX_SUMMARY} characters")


def _notice(policy: PrivacyPolicy) -> NewNotice:
    texts = {
        language: NoticeText(
            title=_TITLES[language].format(policy.version),
            situation=_EFFECT[language].format(policy.effective_at),
            impact="\n".join(
                change.summaries[language]
                for change in policy.changes
                if language in change.summaries
            ),
            remedies=_REMEDY[policy.material][language],
        )
        for language in policy.texts
    }
    return NewNotice(NoticeKind.POLICY_CHANGE, texts, policy.published_by)


def _policy(row: Row[Any]) -> PrivacyPolicy:
    values = row._asdict()
    values["changes"] = tuple(
        PolicyChange(ChangeKind(change["kind"]), change["summaries"]) for change in row.changes
    )
    return PrivacyPolicy(**values)


def _acceptance(row: Row[Any]) -> Acceptance:
    return Acceptance(row.version, row.accepted_by, row.accepted_at)
