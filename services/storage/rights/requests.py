"""What people ask about their data: recorded, its identity checked, its time kept.

A request moves forward only; every step is kept with who took it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update

from services.common.errors import (
    ConsentNotFound,
    InvalidInput,
    MemberNotFound,
    PrivacyRequestNotFound,
    StateConflict,
)
from services.common.ids import new_id
from services.storage.audit import ledger
from services.storage.catalog.consents import find_consent
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.tables import consents
from services.storage.identity.accounts import require_account
from services.storage.identity.codes import Codes
from services.storage.identity.tables import members
from services.storage.rights.corrections import check_corrections
from services.storage.rights.records import (
    About,
    Archive,
    NewRequest,
    PrivacyRequest,
    RequestKind,
    RequestState,
    Step,
)
from services.storage.rights.scope import scope_of
from services.storage.rights.tables import privacy_request_steps, privacy_requests
from services.storage.rights.working_days import WorkingDays
from services.storage.subjects.subjects import name_index
from services.storage.subjects.tables import subjects

REQUEST_ID = "pr"
OPERATOR, SERVICE = "operator", "service"
_AUDITED = {OPERATOR: "operator:requests", SERVICE: ledger.SYSTEM}
ANSWERED_WITHIN = 15
"""Working days."""
MAX_TEXT = 2_000
MAX_PENDING = 500
ATTESTED, PROVED = "attested", "code"
PURPOSE = "privacy_request"
"""Of the code that shows who asks."""
UNENDED = tuple(state for state in RequestState if not state.is_end)
_REPEATS_COUNT_FOR = timedelta(days=30)
_CANCELLABLE = (RequestState.IDENTITY_PENDING, RequestState.OPEN)


class Requests:
    """The record of requests. Every method may raise Unavailable or StorageFull."""

    def __init__(
        self, database: Database, codes: Codes, days: WorkingDays, *, repeats_allowed: int
    ) -> None:
        self._database = database
        self._codes = codes
        self._days = days
        self._repeats_allowed = repeats_allowed

    async def create(self, account_id: str, new: NewRequest) -> PrivacyRequest:
        """Records a request; its clock begins once the identity of who asks is known.

        Raises AccountNotFound, ConsentNotFound, InvalidInput.
        """
        _check(new)
        async with self._database.write() as tx:
            await require_account(tx, account_id)
            consent_id = await _first_consent(tx, account_id, new)
            scope = await scope_of(tx, account_id, new.about, consent_id)
            await check_corrections(tx, scope, new.corrections)
            repeats = await _repeats(tx, account_id, new, consent_id)
            values = {
                "id": new_id(REQUEST_ID),
                "account_id": account_id,
                "kind": new.kind,
                "about": new.about,
                "consent_id": consent_id,
                "requested_by": new.requested_by,
                "identity": "",
                "state": RequestState.IDENTITY_PENDING,
                "held": repeats >= self._repeats_allowed,
                "repeats": repeats,
                "reason": "",
                "reminded": "",
                "created_at": await tx.now(),
                **await _sealed(tx, account_id, new),
            }
            made = insert(privacy_requests).values(values).returning(*privacy_requests.c)
            row = await tx.one(made)
            await note_step(tx, row, new.requested_by)
            if new.attested_identity:
                row = await self._open(tx, row, ATTESTED, new.requested_by, "")
            return await _record(tx, row)

    async def get(self, account_id: str, request_id: str) -> PrivacyRequest:
        """One request with its steps. Raises PrivacyRequestNotFound."""
        async with self._database.read() as tx:
            return await _record(tx, await find_request(tx, request_id, account_id))

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[PrivacyRequest]:
        """A page of the account's requests, newest first, without steps. Raises InvalidInput."""
        wanted = PageRequest.parse(limit, cursor, prefix=REQUEST_ID)
        query = select(privacy_requests).where(privacy_requests.c.account_id == account_id)
        async with self._database.read() as tx:
            rows = await tx.all(wanted.apply(query, privacy_requests.c.id))
            return wanted.page(rows, request_record)

    async def pending(self, *, limit: int) -> Sequence[PrivacyRequest]:
        """Requests of all accounts that have not ended, what is due first; without steps.

        Raises InvalidInput.
        """
        if not 1 <= limit <= MAX_PENDING:
            raise InvalidInput(f"limit must be from 1 to {MAX_PENDING}")
        # What has no time yet comes last, on every database.
        order = (privacy_requests.c.due_at.is_(None), privacy_requests.c.due_at)
        query = select(privacy_requests).where(privacy_requests.c.state.in_(UNENDED))
        async with self._database.read() as tx:
            rows = await tx.all(query.order_by(*order, privacy_requests.c.id).limit(limit))
            return [request_record(row) for row in rows]

    async def prove(
        self, account_id: str, request_id: str, *, person_id: str, code: str
    ) -> PrivacyRequest:
        """A person of the account shows by a code that they ask: the clock begins.

        Raises PrivacyRequestNotFound, StateConflict, MemberNotFound, CodeInvalid.
        """
        async with self._database.read() as tx:
            _require_pending(await find_request(tx, request_id, account_id))
            await _require_member(tx, account_id, person_id)
        async with self._codes.confirmed(person_id, PURPOSE, code) as tx:
            row = await find_request(tx, request_id, account_id, locked=True)
            _require_pending(row)
            return await _record(tx, await self._open(tx, row, PROVED, person_id, ""))

    async def confirm(self, request_id: str, *, note: str) -> PrivacyRequest:
        """An operator has checked who asks: the clock begins.

        Raises PrivacyRequestNotFound, StateConflict, InvalidInput.
        """
        _check_note(note)
        async with self._database.write() as tx:
            row = await find_request(tx, request_id, locked=True)
            _require_pending(row)
            row = await self._open(tx, row, OPERATOR, OPERATOR, note)
            return await _record(tx, row)

    async def cancel(self, account_id: str, request_id: str, *, actor: str) -> PrivacyRequest:
        """Ends a request at the wish of who asked; one that has ended stays as it is.

        Raises PrivacyRequestNotFound, StateConflict once it is being carried out.
        """
        async with self._database.write() as tx:
            row = await find_request(tx, request_id, account_id, locked=True)
            if row.state in _CANCELLABLE:
                row = await end_request(tx, row, RequestState.CANCELLED, actor, "")
            elif not row.state.is_end:
                raise StateConflict("the request is being carried out")
            return await _record(tx, row)

    async def accept(self, request_id: str, *, note: str) -> PrivacyRequest:
        """An operator lets the service carry out what was held.

        Raises PrivacyRequestNotFound, StateConflict, InvalidInput.
        """
        _check_note(note)
        async with self._database.write() as tx:
            row = await find_request(tx, request_id, locked=True)
            if row.state.is_end or not row.held:
                raise StateConflict("nothing is held")
            values = {"held": False, "resume_at": None}
            row = await changed(tx, row, values)
            await note_step(tx, row, OPERATOR, note)
            return await _record(tx, row)

    async def decide(self, request_id: str, *, fulfilled: bool, note: str) -> PrivacyRequest:
        """An operator ends a request: carried out by hand, or refused for a reason.

        Raises PrivacyRequestNotFound, StateConflict, InvalidInput.
        """
        _check_note(note)
        async with self._database.write() as tx:
            row = await find_request(tx, request_id, locked=True)
            if row.state.is_end:
                raise StateConflict(f"the request is {row.state}")
            if fulfilled and row.state is RequestState.IDENTITY_PENDING:
                raise StateConflict("nobody has checked who asks")
            state = RequestState.FULFILLED if fulfilled else RequestState.REFUSED
            return await _record(tx, await end_request(tx, row, state, OPERATOR, note))

    async def _open(
        self, tx: Transaction, row: Row[Any], identity: str, actor: str, note: str
    ) -> Row[Any]:
        now = await tx.now()
        values = {
            "state": RequestState.OPEN,
            "identity": identity,
            "opened_at": now,
            "due_at": self._days.due(now, ANSWERED_WITHIN),
        }
        row = await changed(tx, row, values)
        await note_step(tx, row, actor, note)
        return row


async def _sealed(tx: Transaction, account_id: str, new: NewRequest) -> dict[str, str]:
    columns = privacy_requests.c
    texts = {
        columns.details: new.details,
        columns.corrections: json.dumps(dict(new.corrections)) if new.corrections else "",
        columns.identity_statement: new.attested_identity,
    }
    return {column.name: await tx.seal(column, account_id, text) for column, text in texts.items()}


async def _record(tx: Transaction, row: Row[Any]) -> PrivacyRequest:
    """With its details and its steps."""
    query = select(privacy_request_steps).where(privacy_request_steps.c.request_id == row.id)
    steps = await tx.all(query.order_by(privacy_request_steps.c.id))
    details = await tx.unseal(privacy_requests.c.details, row.account_id, row.details)
    told = tuple(Step(step.state, step.actor, step.note, step.at) for step in steps)
    return request_record(row, details=details, steps=told)


async def find_request(
    tx: Transaction, request_id: str, account_id: str | None = None, *, locked: bool = False
) -> Row[Any]:
    """A request's row, of that account if one is given; `locked`: nobody else changes it.

    Raises PrivacyRequestNotFound.
    """
    which = [privacy_requests.c.id == request_id]
    if account_id is not None:
        which.append(privacy_requests.c.account_id == account_id)
    query = select(privacy_requests).where(*which)
    row = await tx.one_or_none(query.with_for_update() if locked else query)
    if row is None:
        raise PrivacyRequestNotFound("no such request")
    return row


async def changed(tx: Transaction, row: Row[Any], values: dict[str, Any]) -> Row[Any]:
    """The request's row with new values."""
    this = update(privacy_requests).where(privacy_requests.c.id == row.id)
    return await tx.one(this.values(values).returning(*privacy_requests.c))


async def note_step(
    tx: Transaction, row: Row[Any], actor: str, note: str = "", *, before: str = ""
) -> None:
    """Adds to the history of a request, and to the audit, what was just done with it."""
    values = {
        "id": new_id("ps"),
        "request_id": row.id,
        "state": row.state,
        "actor": actor,
        "note": note,
        "before": await tx.seal(privacy_request_steps.c.before, row.account_id, before),
        "at": await tx.now(),
    }
    await tx.execute(insert(privacy_request_steps).values(values))
    action = f"privacy_request.{row.state}"
    # What callers do is noted where they come in.
    if actor in _AUDITED:
        await ledger.note(tx, row.account_id, actor=_AUDITED[actor], action=action, target=row.id)


async def end_request(
    tx: Transaction,
    row: Row[Any],
    state: RequestState,
    actor: str,
    note: str,
    **more: Any,
) -> Row[Any]:
    """Ends a request; the new names that it brought are in their places, or were for nothing."""
    values = {"state": state, "held": False, "corrections": "", "ended_at": await tx.now()}
    reason = note if state is RequestState.REFUSED else ""
    row = await changed(tx, row, values | {"reason": reason} | more)
    await note_step(tx, row, actor, note)
    return row


def request_record(
    row: Row[Any], details: str = "", steps: tuple[Step, ...] = ()
) -> PrivacyRequest:
    """A request's row, and what of it lies elsewhere or sealed."""
    archive = None
    if row.archive is not None:
        size, until = row.archive_size_bytes, row.archive_until
        archive = Archive(row.archive, size, row.archive_sha256, until)
    return PrivacyRequest(
        id=row.id,
        account_id=row.account_id,
        kind=row.kind,
        about=row.about,
        consent_id=row.consent_id,
        requested_by=row.requested_by,
        identity=row.identity,
        state=row.state,
        held=row.held,
        repeats=row.repeats,
        reason=row.reason,
        report=row.report,
        archive=archive,
        created_at=row.created_at,
        opened_at=row.opened_at,
        due_at=row.due_at,
        ended_at=row.ended_at,
        details=details,
        steps=steps,
    )


def _check(new: NewRequest) -> None:
    if max(len(new.details), len(new.attested_identity)) > MAX_TEXT:
        raise InvalidInput(f"details and statements have at most {MAX_TEXT} characters")
    if (new.about is About.ACCOUNT) == bool(new.target):
        raise InvalidInput("name a consent or a subject, or the account")
    if (new.about is About.ACCOUNT) == bool(new.attested_identity.strip()):
        raise InvalidInput(
            "attested_identity says how you checked who asks of you; for your own account you"
            " prove it yourself"
        )
    if (new.kind is RequestKind.CORRECTION) != bool(new.corrections):
        raise InvalidInput("corrections belong to the kind correction")


def _require_pending(row: Row[Any]) -> None:
    if row.state is not RequestState.IDENTITY_PENDING:
        raise StateConflict(f"the request is {row.state}")


async def _require_member(tx: Transaction, account_id: str, person_id: str) -> None:
    mine = (members.c.account_id == account_id, members.c.person_id == person_id)
    if await tx.one_or_none(select(members.c.role).where(*mine)) is None:
        raise MemberNotFound("no such member")


def _check_note(note: str) -> None:
    if not note.strip() or len(note) > MAX_TEXT:
        raise InvalidInput(f"say why, in 1 to {MAX_TEXT} characters")


async def _first_consent(tx: Transaction, account_id: str, new: NewRequest) -> str:
    """What names the target for good: a subject's first consent. Raises ConsentNotFound."""
    if new.about is About.ACCOUNT:
        return ""
    if new.about is About.CONSENT:
        consent = await find_consent(tx, account_id, new.target)
        return str(consent.id)
    named = subjects.c.name_index == name_index(tx, account_id, new.target)
    so = select(subjects.c.id).where(subjects.c.account_id == account_id, named)
    theirs = (consents.c.account_id == account_id, consents.c.subject_id.in_(so))
    first = select(consents.c.id).where(*theirs).order_by(consents.c.id).limit(1)
    found = await tx.one_or_none(first)
    if found is None:
        raise ConsentNotFound("no consent names such a subject")
    return str(found.id)


async def _repeats(tx: Transaction, account_id: str, new: NewRequest, consent_id: str) -> int:
    alike: tuple[ColumnElement[bool], ...] = (
        privacy_requests.c.account_id == account_id,
        privacy_requests.c.kind == new.kind,
        privacy_requests.c.about == new.about,
        privacy_requests.c.consent_id == consent_id,
        privacy_requests.c.state != RequestState.CANCELLED,
        privacy_requests.c.created_at > await tx.now() - _REPEATS_COUNT_FOR,
    )
    found = await tx.one(select(func.count()).select_from(privacy_requests).where(*alike))
    return int(found[0])
