"""The ledger of consents: who allowed which use of which face or voice, when, on what evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Row, insert, select, update

from services.common.errors import (
    ConsentNotFound,
    ConsentRequired,
    GuardianConsentRequired,
    InvalidInput,
)
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.records import (
    Check,
    Consent,
    Erased,
    Evidence,
    GivenBy,
    NewConsent,
)
from services.storage.catalog.tables import consents
from services.storage.identity.accounts import require_account
from services.storage.notices.privacy_policies import policy_in_force
from services.storage.refs import ObjectRef
from services.storage.subjects.records import Details, Subject
from services.storage.subjects.subjects import (
    find_subject,
    record_subject,
    subject_named,
    subject_names,
    subject_record,
)
from services.storage.subjects.tables import subjects

CONSENT_ID = "cn"
AVATAR, VOICE = "avatar", "voice"
PURPOSES = frozenset({AVATAR, VOICE})
_ATTESTED = "The person shown allows the use of this picture as an avatar (subject_authorised)."
MAX_STATEMENT = 2_000
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verified consent rests on."""

    checks: tuple[Check, ...]
    recording: ObjectRef
    speaker: str
    """How the voice sounds: 256 numbers, JSON."""


class Consents:
    """The record of consents. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account_id: str, new: NewConsent) -> Consent:
        """Records a consent.

        Raises AccountNotFound, SubjectNotFound, InvalidInput, GuardianConsentRequired.
        """
        async with self._database.write() as tx:
            await require_account(tx, account_id)
            return await record_consent(tx, account_id, new)

    async def get(self, account_id: str, consent_id: str) -> Consent:
        """One consent. Raises ConsentNotFound."""
        async with self._database.read() as tx:
            row = await find_consent(tx, account_id, consent_id)
            return await consent_record(tx, row)

    async def list(
        self, account_id: str, *, subject_id: str = "", limit: int, cursor: str
    ) -> Page[Consent]:
        """A page of the account's consents, newest first; of one subject, unless that is empty.

        Raises InvalidInput.
        """
        wanted = PageRequest.parse(limit, cursor, prefix=CONSENT_ID)
        query = select(consents).where(consents.c.account_id == account_id)
        if subject_id:
            query = query.where(consents.c.subject_id == subject_id)
        async with self._database.read() as tx:
            rows = await tx.all(wanted.apply(query, consents.c.id))
            told = {one.id: one for one in await consent_records(tx, rows)}
            return wanted.page(rows, lambda row: told[row.id])

    async def name_subjects(self) -> None:
        """Gives subjects to what versions before 0016 recorded without."""
        without = consents.c.subject_id.is_(None)
        older = select(consents).where(without).order_by(consents.c.id).limit(_AT_ONCE)
        while True:
            async with self._database.write() as tx:
                # Of several replicas that start together, each takes others.
                rows = await tx.all(older.with_for_update(skip_locked=True))
                for row in rows:
                    await self._name(tx, row)
            if not rows:
                return

    async def _name(self, tx: Transaction, row: Row[Any]) -> None:
        account_id, told = row.account_id, await consent_record(tx, row)
        if told.statement == _ATTESTED:
            subject = await record_subject(tx, account_id, Details(told.subject))
        else:
            subject = await subject_named(tx, account_id, told.subject)
        values = {
            "subject": "",
            "subject_id": subject.id,
            "statement": await tx.seal(consents.c.statement, account_id, told.statement),
            "note": await tx.seal(consents.c.note, account_id, told.note),
        }
        await tx.execute(update(consents).where(consents.c.id == row.id).values(values))


def attestation(subject: str, attested_by: str) -> NewConsent:
    """What is attested with an avatar that comes without a consent of its own."""
    return NewConsent(subject, (AVATAR,), _ATTESTED, attested_by)


async def record_consent(
    tx: Transaction,
    account_id: str,
    new: NewConsent,
    verified: Verification | None = None,
) -> Consent:
    """A new consent, together with what else the transaction does.

    Raises SubjectNotFound, InvalidInput, GuardianConsentRequired.
    """
    if not new.statement.strip() or len(new.statement) > MAX_STATEMENT:
        raise InvalidInput(f"a statement has 1 to {MAX_STATEMENT} characters")
    check_purposes(new.purposes)
    now = await tx.now()
    if new.valid_until is not None and new.valid_until <= now:
        raise InvalidInput("valid_until must lie ahead")
    subject = await _subject_of(tx, account_id, new)
    check_giver(subject, new.given_by)
    values = {
        "id": new_id(CONSENT_ID),
        "account_id": account_id,
        "subject_id": subject.id,
        "subject": "",
        "purposes": sorted(set(new.purposes)),
        "given_by": new.given_by,
        "evidence": Evidence.VERIFIED if verified else Evidence.ATTESTATION,
        "checks": [asdict(check) for check in verified.checks] if verified else [],
        "recording": verified.recording if verified else None,
        "speaker": await tx.seal(
            consents.c.speaker, account_id, verified.speaker if verified else ""
        ),
        "statement": await tx.seal(consents.c.statement, account_id, new.statement),
        "attested_by": new.attested_by,
        "policy_version": await policy_in_force(tx),
        "valid_from": now,
        "valid_until": new.valid_until,
        "end_reason": "",
        "note": "",
    }
    row = await tx.one(insert(consents).values(values).returning(*consents.c))
    return await consent_record(tx, row)


def check_purposes(purposes: Sequence[str]) -> None:
    """Returns when a consent can be for these. Raises InvalidInput."""
    if not purposes or not PURPOSES.issuperset(purposes):
        raise InvalidInput(f"purposes are one or more of {', '.join(sorted(PURPOSES))}")


def check_giver(subject: Subject, given_by: str) -> None:
    """Returns when that one can consent for the subject.

    Raises InvalidInput, GuardianConsentRequired for minors.
    """
    if given_by not in set(GivenBy):
        raise InvalidInput(f"given_by is one of {', '.join(GivenBy)}")
    if subject.erased_at is not None:
        raise GuardianConsentRequired("the person was found to be a minor, and erased")
    if subject.details.minor and not (subject.guarded and given_by == GivenBy.GUARDIAN):
        raise GuardianConsentRequired("for a minor a guardian consents, who is named with them")


async def _subject_of(tx: Transaction, account_id: str, new: NewConsent) -> Subject:
    if new.subject_id:
        if new.subject:
            raise InvalidInput("name the subject or give its id, not both")
        row = await find_subject(tx, account_id, new.subject_id, used=True)
        return await subject_record(tx, row)
    if new.statement == _ATTESTED:
        # The name is the avatar's: two of one name need not show one person.
        return await record_subject(tx, account_id, Details(new.subject))
    named = await subject_named(tx, account_id, new.subject)
    return await subject_record(tx, await find_subject(tx, account_id, named.id, used=True))


async def require_consent(
    tx: Transaction, account_id: str, consent_id: str, purpose: str
) -> Row[Any]:
    """The consent's row, which holds and is for that.

    Raises ConsentNotFound, ConsentRequired, GuardianConsentRequired.
    """
    row = await find_consent(tx, account_id, consent_id, locked=True)
    over = row.valid_until is not None and row.valid_until <= await tx.now()
    if row.ended_at is not None or over:
        raise ConsentRequired("the consent has ended")
    if purpose not in row.purposes:
        raise ConsentRequired(f"the consent is not for {purpose}s")
    whose = select(subjects.c.minor, subjects.c.guarded).where(subjects.c.id == row.subject_id)
    subject = await tx.one_or_none(whose)
    if subject is not None and subject.minor and not subject.guarded:
        raise GuardianConsentRequired("the person is a minor, and no guardian has consented")
    return row


async def find_consent(
    tx: Transaction, account_id: str, consent_id: str, *, locked: bool = False
) -> Row[Any]:
    """A consent's row; `locked`: nobody else changes it before the transaction ends.

    Raises ConsentNotFound.
    """
    mine = (consents.c.id == consent_id, consents.c.account_id == account_id)
    query = select(consents).where(*mine)
    row = await tx.one_or_none(query.with_for_update() if locked else query)
    if row is None:
        raise ConsentNotFound("no such consent")
    return row


async def consent_record(tx: Transaction, row: Row[Any]) -> Consent:
    """A consent's row."""
    (consent,) = await consent_records(tx, [row])
    return consent


async def consent_records(tx: Transaction, rows: Sequence[Row[Any]]) -> list[Consent]:
    """Rows of one account's consents."""
    if not rows:
        return []
    account_id = rows[0].account_id
    ids = sorted({row.subject_id for row in rows if row.subject_id})
    names = await subject_names(tx, account_id, ids)
    return [await _read(tx, row, names) for row in rows]


async def _read(tx: Transaction, row: Row[Any], names: Mapping[str, str]) -> Consent:
    older = await tx.unseal(consents.c.subject, row.account_id, row.subject)
    return replace(
        _record(row),
        subject=names.get(row.subject_id, "") if row.subject_id else older,
        statement=await tx.unseal(consents.c.statement, row.account_id, row.statement),
        note=await tx.unseal(consents.c.note, row.account_id, row.note),
    )


def _record(row: Row[Any]) -> Consent:
    """As it is kept, sealed."""
    values = row._asdict()
    for apart in ("recording", "speaker"):
        del values[apart]
    values["subject_id"] = row.subject_id or ""
    values["purposes"] = tuple(row.purposes)
    values["checks"] = tuple(Check(**check) for check in row.checks)
    values["erased"] = erased_record(row.erased) if row.erased else None
    return Consent(**values)


def erased_record(value: dict[str, Any]) -> Erased:
    """What was erased, as the column holds it."""
    return Erased(
        tuple(value["avatars"]),
        tuple(value["videos"]),
        tuple(value["streams"]),
        tuple(ObjectRef(bucket, key) for bucket, key in value["objects"]),
    )
