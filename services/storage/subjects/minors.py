"""What follows when somebody is found to be a minor."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import structlog
from sqlalchemy import update

from services.common.errors import InvalidInput
from services.storage.audit.ledger import note
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.withdrawals import Withdrawals
from services.storage.notices.notices import send_notice
from services.storage.notices.records import Audience, NewNotice, NoticeKind, NoticeText
from services.storage.subjects.records import Finding, Subject
from services.storage.subjects.subjects import (
    find_subject,
    subject_record,
    subject_values,
)
from services.storage.subjects.tables import subjects

log = structlog.get_logger()

_OPERATOR = "operator:"
_FOUND = {
    "zh": NoticeText(
        title="运营方认定一名当事人为未成年人",
        situation="运营方认定 {subject_id} 为未成年人。",
        impact="没有监护人同意的，与其有关的授权已终止，据此生成的内容已删除。",
        remedies="理由和结果见 GET /v1/subjects/{subject_id} 和您的审计日志。",
    ),
    "en": NoticeText(
        title="An operator found that a person is a minor",
        situation="An operator found that {subject_id} is a minor.",
        impact="Without a guardian's consent their consents have ended, and what was made under "
        "them is erased.",
        remedies="The reason, and what came of it: GET /v1/subjects/{subject_id}, and your audit.",
    ),
}

MAX_REASON = 1_000


class Minors:
    """Findings. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, withdrawals: Withdrawals) -> None:
        self._database = database
        self._withdrawals = withdrawals

    async def found(self, account_id: str, subject_id: str, finding: Finding) -> Subject:
        """Records that somebody is a minor. Without a guardian's consent everything of them goes.

        Their consents end, with all that was made under them, finished videos too; what is left is
        that there was somebody, who found it, and what was erased. What an operator finds
        (`operator:NAME`) is noted in the account's audit, and it is told by a notice. Raises
        SubjectNotFound, InvalidInput.
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
            if finding.found_by.startswith(_OPERATOR):
                await _tell(tx, subject, finding.found_by)
        self._withdrawals.hurry()
        log.info("subject.minor_found", subject_id=subject_id, erased=bool(subject.erased_at))
        return subject


async def _tell(tx: Transaction, subject: Subject, operator: str) -> None:
    """The owner learns what somebody else did to their things."""
    account_id = subject.account_id
    await note(tx, account_id, actor=operator, action="report_minor", target=subject.id)
    texts = {
        language: replace(
            text,
            situation=text.situation.format(subject_id=subject.id),
            remedies=text.remedies.format(subject_id=subject.id),
        )
        for language, text in _FOUND.items()
    }
    await send_notice(tx, NewNotice(NoticeKind.OTHER, texts, operator, Audience((account_id,))))
