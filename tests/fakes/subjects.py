"""The record of subjects in memory, with the rules of the real one."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from services.common.errors import StateConflict, SubjectNotFound
from services.gateway.records import Page
from services.gateway.subjects import Details, Subject
from tests.fakes.catalog import KnownSubjects, page_of
from tests.fakes.consents import FakeConsents


@dataclass
class FakeSubjects:
    """Subjects of all accounts."""

    known: KnownSubjects
    consents: FakeConsents
    now: Callable[[], datetime]

    async def create(self, account_id: str, details: Details) -> Subject:
        self._check(account_id, details, "")
        return self.known.add(account_id, details)

    async def get(self, account_id: str, subject_id: str) -> Subject:
        subject = self.known.kept.get(subject_id)
        if subject is None or subject.account_id != account_id:
            raise SubjectNotFound("no such subject")
        return subject

    async def list(
        self, account_id: str, *, reference: str, limit: int, cursor: str
    ) -> Page[Subject]:
        mine = [one for one in self.known.kept.values() if one.account_id == account_id]
        if reference:
            mine = [one for one in mine if one.details.reference == reference]
        return page_of(mine, limit, cursor, "su")

    async def update(self, account_id: str, subject_id: str, details: Details) -> Subject:
        subject = await self.get(account_id, subject_id)
        if subject.erased_at:
            raise StateConflict("the person is erased")
        self._check(account_id, details, subject_id)
        if details.minor and details.guardian is None and self._held(subject_id):
            raise StateConflict("name the guardian")
        self.known.kept[subject_id] = replace(subject, details=details)
        return self.known.kept[subject_id]

    async def report_minor(
        self, account_id: str, subject_id: str, *, found_by: str, reason: str
    ) -> Subject:
        subject = await self.get(account_id, subject_id)
        if subject.erased_at:
            return subject
        found = replace(
            subject,
            details=replace(subject.details, minor=True),
            found_by=found_by,
            found_reason=reason,
        )
        if subject.details.guardian is None:
            for consent_id in self._held(subject_id):
                await self.consents.withdraw(account_id, consent_id, note="", erase_videos=True)
            self._forget(subject_id)
            found = replace(found, details=Details("", minor=True), erased_at=self.now())
        self.known.kept[subject_id] = found
        return found

    def _forget(self, subject_id: str) -> None:
        ledger = self.consents.avatars.consents
        for consent in [one for one in ledger.values() if one.subject_id == subject_id]:
            ledger[consent.id] = replace(
                consent, subject="", statement="", end_reason="minor_found"
            )

    def _held(self, subject_id: str) -> builtins.list[str]:
        ledger = self.consents.avatars.consents.values()
        return [one.id for one in ledger if one.subject_id == subject_id and not one.ended_at]

    def _check(self, account_id: str, details: Details, subject_id: str) -> None:
        for one in self.known.kept.values():
            same = one.details.reference == details.reference != ""
            if same and one.account_id == account_id and one.id != subject_id:
                raise StateConflict("another subject has this reference")
