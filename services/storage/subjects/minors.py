"""What follows when somebody is found to be a minor."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import structlog
from sqlalchemy import update

from services.common.errors import InvalidInput
from services.storage.catalog.database import Database
from services.storage.catalog.withdrawals import Withdrawals
from services.storage.subjects.records import Finding, Subject
from services.storage.subjects.subjects import (
    find_subject,
    subject_record,
    subject_values,
)
from services.storage.subjects.tables import subjects

log = structlog.get_logger()

MAX_REASON = 1_000


class Minors:
    """Findings. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, withdrawals: Withdrawals) -> None:
        self._database = database
        self._withdrawals = withdrawals

    async def found(self, account_id: str, subject_id: str, finding: Finding) -> Subject:
        """Records that somebody is a minor. Without a guardian's consent everything of them goes.

        Their consents end, with all that was made under them, finished videos too; what is left is
        that there was somebody, who found it, and what was erased. Raises SubjectNotFound,
        InvalidInput.
        """
        if not finding.found_by or not finding.reason.strip() or len(finding.reason) > MAX_REASON:
            raise InvalidInput(f"a finding has a reason of 1 to {MAX_REASON} characters")
        async with self._database.write() as tx:
            row = await find_subject(tx, account_id, subject_id, locked=True)
            if row.erased_at is not None:
                return await subject_record(tx, row)
            text = json.dumps(asdict(finding), ensure_ascii=False)
            sealed = await tx.seal(subjects.c.finding, account_id, text)
            values: dict[str, Any] = {"minor": True, "finding": sealed}
            if row.guarded:
                details = (await subject_record(tx, row)).details
                values |= await subject_values(tx, account_id, replace(details, minor=True))
            else:
                await self._withdrawals.end_all(tx, account_id, subject_id)
                values |= {
                    "details": "",
                    "name_index": None,
                    "reference_index": None,
                    "erased_at": await tx.now(),
                }
            this = update(subjects).where(subjects.c.id == subject_id).values(values)
            subject = await subject_record(tx, await tx.one(this.returning(*subjects.c)))
        self._withdrawals.hurry()
        log.info("subject.minor_found", subject_id=subject_id, erased=bool(subject.erased_at))
        return subject
