"""The people behind faces and voices: recorded by their account, known to nobody else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.common.errors import InvalidInput, StateConflict, SubjectNotFound
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.tables import consents
from services.storage.identity.accounts import require_account
from services.storage.identity.tables import accounts
from services.storage.subjects.ages import (
    MAX_NAME,
    check_birth_year,
    check_guardian,
    may_be_minor,
)
from services.storage.subjects.records import Details, Finding, Guardian, Subject
from services.storage.subjects.tables import subjects

SUBJECT_ID = "su"
_NAME, _REFERENCE = "subject.name", "subject.reference"
MAX_REFERENCE = 200


class Subjects:
    """The record of subjects. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account_id: str, details: Details) -> Subject:
        """Records a person. Raises AccountNotFound, InvalidInput, StateConflict for a reference
        that another has."""
        async with self._database.write() as tx:
            await require_account(tx, account_id)
            return await record_subject(tx, account_id, details)

    async def get(self, account_id: str, subject_id: str) -> Subject:
        """One person. Raises SubjectNotFound."""
        async with self._database.read() as tx:
            row = await find_subject(tx, account_id, subject_id)
            return await subject_record(tx, row)

    async def list(
        self, account_id: str, *, reference: str, limit: int, cursor: str
    ) -> Page[Subject]:
        """A page of the account's subjects, newest first; with that reference, unless it is empty.

        Raises InvalidInput.
        """
        wanted = PageRequest.parse(limit, cursor, prefix=SUBJECT_ID)
        query = select(subjects).where(subjects.c.account_id == account_id)
        async with self._database.read() as tx:
            if reference:
                index = _index(tx, account_id, reference, _REFERENCE)
                query = query.where(subjects.c.reference_index == index)
            rows = await tx.all(wanted.apply(query, subjects.c.id))
            told = {row.id: await subject_record(tx, row) for row in rows}
            return wanted.page(rows, lambda row: told[row.id])

    async def update(self, account_id: str, subject_id: str, details: Details) -> Subject:
        """Corrects what is told of a person.

        Raises SubjectNotFound, InvalidInput, and StateConflict for a reference that another has,
        for a person who is erased, and for one under a consent who would be a minor without a
        guardian: what is found of a minor is erased by a finding.
        """
        async with self._database.write() as tx:
            row = await find_subject(tx, account_id, subject_id, locked=True)
            if row.erased_at is not None:
                raise StateConflict("the person is erased")
            details = _checked(details, (await tx.now()).year)
            if details.minor and details.guardian is None and await _is_in_use(tx, subject_id):
                raise StateConflict("name the guardian, or report the finding that they are minor")
            values = await subject_values(tx, account_id, details)
            this = update(subjects).where(subjects.c.id == subject_id).values(values)
            row = await _stored(tx, this.returning(*subjects.c))
            return await subject_record(tx, row)


async def record_subject(tx: Transaction, account_id: str, details: Details) -> Subject:
    """A new subject, together with what else the transaction does.

    Raises InvalidInput, StateConflict.
    """
    now = await tx.now()
    values = {
        **await subject_values(tx, account_id, _checked(details, now.year)),
        "id": new_id(SUBJECT_ID),
        "account_id": account_id,
        "finding": "",
        "created_at": now,
    }
    row = await _stored(tx, insert(subjects).values(values).returning(*subjects.c))
    return await subject_record(tx, row)


async def subject_named(tx: Transaction, account_id: str, name: str) -> Subject:
    """The first subject of that name, or a new one. Raises InvalidInput."""
    # Two who look at once must not make two: one waits for the other.
    mine = select(accounts.c.id).where(accounts.c.id == account_id)
    await tx.one_or_none(mine.with_for_update(key_share=True))
    named = subjects.c.name_index == name_index(tx, account_id, name)
    query = select(subjects).where(subjects.c.account_id == account_id, named)
    row = await tx.one_or_none(query.order_by(subjects.c.id).limit(1))
    if row is not None:
        return await subject_record(tx, row)
    return await record_subject(tx, account_id, Details(name))


async def rename_subject(tx: Transaction, account_id: str, subject_id: str, name: str) -> None:
    """Calls a person otherwise. Raises SubjectNotFound, InvalidInput."""
    row = await find_subject(tx, account_id, subject_id, locked=True)
    details = (await subject_record(tx, row)).details
    corrected = _checked(replace(details, name=name), (await tx.now()).year)
    values = await subject_values(tx, account_id, corrected)
    await tx.execute(update(subjects).where(subjects.c.id == subject_id).values(values))


def name_index(tx: Transaction, account_id: str, name: str) -> str:
    """What subjects of that name have in common."""
    return _index(tx, account_id, name.strip(), _NAME)


async def find_subject(
    tx: Transaction, account_id: str, subject_id: str, *, locked: bool = False, used: bool = False
) -> Row[Any]:
    """A subject's row; `locked`: nobody else changes it before the transaction ends, `used`:
    nobody finds a minor in them until then. Raises SubjectNotFound."""
    mine = (subjects.c.id == subject_id, subjects.c.account_id == account_id)
    query = select(subjects).where(*mine)
    if locked or used:
        query = query.with_for_update(read=not locked)
    row = await tx.one_or_none(query)
    if row is None:
        raise SubjectNotFound("no such subject")
    return row


async def subject_names(tx: Transaction, account_id: str, ids: Sequence[str]) -> Mapping[str, str]:
    """What the account calls these subjects; empty for those who are erased."""
    query = select(subjects).where(subjects.c.id.in_(ids), subjects.c.account_id == account_id)
    rows = await tx.all(query)
    return {row.id: (await subject_record(tx, row)).details.name for row in rows}


async def subject_record(tx: Transaction, row: Row[Any]) -> Subject:
    """A subject's row."""
    if not row.details:
        details = Details("", minor=row.minor)
    else:
        told = json.loads(await tx.unseal(subjects.c.details, row.account_id, row.details))
        guardian = Guardian(**told["guardian"]) if told["guardian"] else None
        details = Details(**{**told, "guardian": guardian})
    finding = None
    if row.finding:
        told = json.loads(await tx.unseal(subjects.c.finding, row.account_id, row.finding))
        finding = Finding(**told)
    return Subject(row.id, row.account_id, details, finding, row.created_at, row.erased_at)


async def subject_values(tx: Transaction, account_id: str, details: Details) -> dict[str, Any]:
    """What is kept of a person, as columns."""
    text = json.dumps(asdict(details), ensure_ascii=False)
    reference = details.reference
    return {
        "details": await tx.seal(subjects.c.details, account_id, text),
        "name_index": _index(tx, account_id, details.name, _NAME),
        "reference_index": _index(tx, account_id, reference, _REFERENCE) if reference else None,
        "minor": details.minor,
        "guarded": details.guardian is not None,
    }


async def _stored(tx: Transaction, statement: Any) -> Row[Any]:
    try:
        async with tx.savepoint():
            return await tx.one(statement)
    except IntegrityError as error:
        if "unique" not in str(error.orig).lower():
            raise
        raise StateConflict("another subject has this reference") from error


async def _is_in_use(tx: Transaction, subject_id: str) -> bool:
    holding = (consents.c.subject_id == subject_id, consents.c.ended_at.is_(None))
    return await tx.one_or_none(select(consents.c.id).where(*holding).limit(1)) is not None


def _index(tx: Transaction, account_id: str, text: str, field: str) -> str:
    """Equal names in two accounts have nothing in common."""
    return tx.blind_index(f"{account_id}\x00{text}", field=field)


def _checked(details: Details, year: int) -> Details:
    """As it is recorded. Raises InvalidInput."""
    name, reference = details.name.strip(), details.reference.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidInput(f"a subject has a name of 1 to {MAX_NAME} characters")
    if len(reference) > MAX_REFERENCE:
        raise InvalidInput(f"a reference has at most {MAX_REFERENCE} characters")
    born = details.birth_year
    if born is not None:
        check_birth_year(born, year)
    if details.guardian:
        check_guardian(details.guardian)
    minor = details.minor or (born is not None and may_be_minor(born, year))
    return replace(details, name=name, reference=reference, minor=minor)
