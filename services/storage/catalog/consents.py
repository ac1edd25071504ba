"""The ledger of consents: who allowed which use of which face, when, on what evidence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, insert, select

from services.common.errors import ConsentNotFound, ConsentRequired, InvalidInput
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.records import Consent, Erased, NewConsent
from services.storage.catalog.tables import consents
from services.storage.identity.accounts import require_account
from services.storage.refs import ObjectRef

CONSENT_ID = "cn"
AVATAR = "avatar"
PURPOSES = frozenset({AVATAR})
_ATTESTED = "The person shown allows the use of this picture as an avatar (subject_authorised)."
MAX_SUBJECT, MAX_STATEMENT = 200, 2_000


class Consents:
    """The record of consents. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account_id: str, new: NewConsent) -> Consent:
        """Records a consent. Raises AccountNotFound, InvalidInput."""
        async with self._database.write() as tx:
            await require_account(tx, account_id)
            return await record_consent(tx, account_id, new)

    async def get(self, account_id: str, consent_id: str) -> Consent:
        """One consent. Raises ConsentNotFound."""
        async with self._database.read() as tx:
            return consent_record(await find_consent(tx, account_id, consent_id))

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Consent]:
        """A page of the account's consents, newest first. Raises InvalidInput."""
        wanted = PageRequest.parse(limit, cursor, prefix=CONSENT_ID)
        query = select(consents).where(consents.c.account_id == account_id)
        async with self._database.read() as tx:
            return wanted.page(await tx.all(wanted.apply(query, consents.c.id)), consent_record)


def attestation(subject: str, attested_by: str) -> NewConsent:
    """What is attested with an avatar that comes without a consent of its own."""
    return NewConsent(subject, (AVATAR,), _ATTESTED, attested_by)


async def record_consent(tx: Transaction, account_id: str, new: NewConsent) -> Consent:
    """A new consent, together with what else the transaction does. Raises InvalidInput."""
    if not new.subject.strip() or len(new.subject) > MAX_SUBJECT:
        raise InvalidInput(f"a subject has 1 to {MAX_SUBJECT} characters")
    if not new.statement.strip() or len(new.statement) > MAX_STATEMENT:
        raise InvalidInput(f"a statement has 1 to {MAX_STATEMENT} characters")
    if not new.purposes or not PURPOSES.issuperset(new.purposes):
        raise InvalidInput(f"purposes are one or more of {', '.join(sorted(PURPOSES))}")
    now = await tx.now()
    if new.valid_until is not None and new.valid_until <= now:
        raise InvalidInput("valid_until must lie ahead")
    values = {
        **asdict(new),
        "purposes": sorted(set(new.purposes)),
        "id": new_id(CONSENT_ID),
        "account_id": account_id,
        "valid_from": now,
        "end_reason": "",
        "note": "",
    }
    return consent_record(await tx.one(insert(consents).values(values).returning(*consents.c)))


async def require_consent(
    tx: Transaction, account_id: str, consent_id: str, purpose: str
) -> Consent:
    """The consent, which holds and is for that. Raises ConsentNotFound, ConsentRequired."""
    consent = consent_record(await find_consent(tx, account_id, consent_id, locked=True))
    over = consent.valid_until is not None and consent.valid_until <= await tx.now()
    if consent.ended_at is not None or over:
        raise ConsentRequired("the consent has ended")
    if purpose not in consent.purposes:
        raise ConsentRequired(f"the consent is not for {purpose}s")
    return consent


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


def _erased(value: dict[str, Any]) -> Erased:
    return Erased(
        tuple(value["avatars"]),
        tuple(value["videos"]),
        tuple(value["streams"]),
        tuple(ObjectRef(bucket, key) for bucket, key in value["objects"]),
    )


def consent_record(row: Row[Any]) -> Consent:
    """A consent's row."""
    values = row._asdict()
    values["purposes"] = tuple(row.purposes)
    values["erased"] = _erased(row.erased) if row.erased else None
    return Consent(**values)
