"""What is held on people: every table with an account's rows in it, and what it is held for.

A report counts it, an archive holds it. A test holds this list to the tables that there are.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Table, false, func, literal, select, tuple_

from services.storage.audit.tables import audit_entries, operator_accesses
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.tables import (
    assets,
    avatars,
    consents,
    idempotency_keys,
    policies,
    review_decisions,
    reviews,
    streams,
    videos,
)
from services.storage.identity.codes import PHONE
from services.storage.identity.people import USER_NAME
from services.storage.identity.tables import (
    accounts,
    api_keys,
    deregistrations,
    invitations,
    members,
    minor_holders,
    people,
    sessions,
)
from services.storage.notices.tables import (
    notice_deliveries,
    notice_recipients,
    notice_webhooks,
    policy_acceptances,
)
from services.storage.provenance.tables import (
    fingerprint_landmarks,
    fingerprints,
    sidecar_manifests,
    unlabelled_agreements,
    unlabelled_outputs,
)
from services.storage.rights.scope import Scope
from services.storage.rights.tables import privacy_request_steps, privacy_requests, restrictions
from services.storage.statements.tables import consent_challenges
from services.storage.subjects.tables import subjects
from services.storage.usage.tables import quotas, usage_days, usage_entries

_AT_ONCE = 200
_Rows = Callable[[Scope], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Holding:
    """One table, and which of its rows are a person's or an account's."""

    noun: str
    table: Table
    purpose: str
    kept: str
    """The name of the rule that says how long."""
    of_account: _Rows
    of_person: _Rows
    key: tuple[str, ...] = ("id",)
    """Columns whose values differ, taken together, within an account."""
    untold: frozenset[str] = frozenset()
    """Columns that are nobody's data, or secrets."""
    sealed: Mapping[str, str] | None = None
    """Columns whose bytes the vault sealed, and the fields that they are bound to."""
    owner: str | None = None
    """The column with the owner of what is sealed so; None: it is the account."""
    media: tuple[str, ...] = ()
    """Columns that name objects which go into an archive."""

    def rows(self, scope: Scope) -> ColumnElement[bool]:
        """Which rows are in the scope."""
        return self.of_account(scope) if scope.is_whole else self.of_person(scope)


def _mine(table: Table) -> _Rows:
    return lambda scope: table.c.account_id == scope.account_id


def _of(column: Column[Any], ids: Callable[[Scope], Any]) -> _Rows:
    """Rows of the account whose column names something of the person; `ids` or a query of them."""
    table = column.table
    return lambda scope: (table.c.account_id == scope.account_id) & column.in_(ids(scope))


def _members(scope: Scope) -> ColumnElement[bool]:
    theirs = select(members.c.person_id).where(members.c.account_id == scope.account_id)
    return people.c.id.in_(theirs)


def _accesses(scope: Scope) -> ColumnElement[bool]:
    """Those that the account has been told of; a law may have the others wait."""
    mine = operator_accesses.c.account_id == scope.account_id
    return mine & operator_accesses.c.told_at.is_not(None)


def _consents(scope: Scope) -> tuple[str, ...]:
    return scope.consent_ids or ()


def _persons(scope: Scope) -> Any:
    return select(consents.c.subject_id).where(consents.c.id.in_(_consents(scope)))


def _landmarks(scope: Scope) -> ColumnElement[bool]:
    whole = fingerprints.c.account_id == scope.account_id
    mine = whole if scope.is_whole else whole & fingerprints.c.video_id.in_(scope.output_ids)
    return fingerprint_landmarks.c.video_id.in_(select(fingerprints.c.video_id).where(mine))


def _nobody(_: Scope) -> ColumnElement[bool]:
    """What belongs to the account alone."""
    return false()


def _decisions(scope: Scope) -> ColumnElement[bool]:
    whole = reviews.c.account_id == scope.account_id
    mine = whole if scope.is_whole else whole & reviews.c.id.in_(scope.review_ids)
    return review_decisions.c.review_id.in_(select(reviews.c.id).where(mine))


def _requests_of(scope: Scope) -> ColumnElement[bool]:
    mine = privacy_requests.c.account_id == scope.account_id
    about = privacy_requests.c.consent_id
    return mine if scope.is_whole else mine & about.in_(_consents(scope))


def _steps(scope: Scope) -> ColumnElement[bool]:
    theirs = select(privacy_requests.c.id).where(_requests_of(scope))
    return privacy_request_steps.c.request_id.in_(theirs)


HOLDINGS = (
    Holding(
        "account",
        accounts,
        "to know whose everything else is",
        "account",
        lambda scope: accounts.c.id == scope.account_id,
        _nobody,
        untold=frozenset({"webhook_secret"}),
    ),
    Holding(
        "deregistrations",
        deregistrations,
        "to end the account as you ask",
        "account",
        _mine(deregistrations),
        _nobody,
        untold=frozenset({"receipt_sha256"}),
    ),
    Holding(
        "api_keys",
        api_keys,
        "to let you in",
        "ended_keys",
        _mine(api_keys),
        _nobody,
        untold=frozenset({"secret_sha256", "rotated_sha256"}),
    ),
    Holding(
        "people",
        people,
        "to know who acts for you",
        "account",
        _members,
        _nobody,
        # What members tell each other; the rest is each one's own.
        untold=frozenset({"phone_index", "email", "email_index"}),
        sealed={"phone": PHONE, "user_name": USER_NAME},
        owner="id",
    ),
    Holding(
        "members",
        members,
        "to know what they may do",
        "account",
        _mine(members),
        _nobody,
        key=("person_id",),
    ),
    Holding(
        "invitations",
        invitations,
        "to let people in whom you invited",
        "invitations",
        _mine(invitations),
        _nobody,
        untold=frozenset({"phone_index"}),
        sealed={"phone": PHONE},
    ),
    Holding(
        "sessions",
        sessions,
        "to keep people signed in",
        "ended_sessions",
        _mine(sessions),
        _nobody,
        untold=frozenset({"token_sha256"}),
    ),
    Holding(
        "consents",
        consents,
        "to prove who allowed what",
        "consents",
        _mine(consents),
        _of(consents.c.id, _consents),
        media=("recording",),
    ),
    Holding(
        "consent_challenges",
        consent_challenges,
        "to check what people say on camera",
        "challenges",
        _mine(consent_challenges),
        _of(consent_challenges.c.subject_id, _persons),
        media=("recording",),
    ),
    Holding(
        "subjects",
        subjects,
        "to know whose faces and voices consents are about",
        "consents",
        _mine(subjects),
        _of(subjects.c.id, _persons),
        untold=frozenset({"name_index", "reference_index"}),
    ),
    Holding(
        "minor_holder",
        minor_holders,
        "to know that a guardian consents",
        "account",
        _mine(minor_holders),
        _nobody,
        key=("account_id",),
    ),
    Holding(
        "assets",
        assets,
        "what avatars and videos are made from",
        "assets",
        _mine(assets),
        _of(assets.c.id, lambda scope: scope.asset_ids),
        media=("object",),
    ),
    Holding(
        "avatars",
        avatars,
        "to draw the person speaking",
        "avatars",
        _mine(avatars),
        _of(avatars.c.id, lambda scope: scope.avatar_ids),
        media=("portrait", "preview"),
    ),
    Holding(
        "videos",
        videos,
        "what you had made",
        "videos",
        _mine(videos),
        _of(videos.c.avatar_id, lambda scope: scope.avatar_ids),
        untold=frozenset({"lease_holder", "leased_until"}),
        media=("content", "words"),
    ),
    Holding(
        "fingerprints",
        fingerprints,
        "to know copies of your videos again",
        "videos",
        _mine(fingerprints),
        _of(fingerprints.c.video_id, lambda scope: scope.output_ids),
        key=("video_id",),
    ),
    Holding(
        "sidecar_manifests",
        sidecar_manifests,
        "to prove where transparent videos come from",
        "videos",
        _mine(sidecar_manifests),
        _of(sidecar_manifests.c.video_id, lambda scope: scope.output_ids),
        key=("video_id",),
        untold=frozenset({"manifest"}),
    ),
    Holding(
        "fingerprint_landmarks",
        fingerprint_landmarks,
        "to know copies of your videos again",
        "videos",
        _landmarks,
        _landmarks,
        key=("video_id", "position", "value"),
    ),
    Holding(
        "streams",
        streams,
        "the record of live streams",
        "ended_streams",
        _mine(streams),
        _of(streams.c.avatar_id, lambda scope: scope.avatar_ids),
    ),
    Holding(
        "policies",
        policies,
        "how your content is judged",
        "account",
        _mine(policies),
        _nobody,
        key=("version",),
    ),
    Holding(
        "reviews",
        reviews,
        "contents that a person decides on",
        "reviews",
        _mine(reviews),
        _of(reviews.c.id, lambda scope: scope.review_ids),
    ),
    Holding(
        "review_decisions",
        review_decisions,
        "who decided on contents",
        "reviews",
        _decisions,
        _decisions,
    ),
    Holding(
        "idempotency_keys",
        idempotency_keys,
        "to answer a repeated request as the first",
        "idempotency_keys",
        _mine(idempotency_keys),
        _nobody,
        key=("key",),
    ),
    Holding(
        "notice_recipients",
        notice_recipients,
        "to know which notices you were given, and have read",
        "account",
        _mine(notice_recipients),
        _nobody,
        key=("notice_id",),
    ),
    Holding(
        "notice_deliveries",
        notice_deliveries,
        "to bring notices to you",
        "notice_deliveries",
        _mine(notice_deliveries),
        _nobody,
    ),
    Holding(
        "notice_webhooks",
        notice_webhooks,
        "where notices are brought",
        "account",
        _mine(notice_webhooks),
        _nobody,
        key=("account_id",),
    ),
    Holding(
        "policy_acceptances",
        policy_acceptances,
        "to prove which privacy policies you accepted",
        "account",
        _mine(policy_acceptances),
        _nobody,
        key=("version",),
    ),
    Holding(
        "unlabelled_agreements",
        unlabelled_agreements,
        "to prove what you answer for",
        "account",
        _mine(unlabelled_agreements),
        _nobody,
    ),
    Holding(
        "unlabelled_outputs",
        unlabelled_outputs,
        "to know which outputs carry no mark",
        "account",
        _mine(unlabelled_outputs),
        _of(unlabelled_outputs.c.output_id, lambda scope: scope.output_ids),
        key=("output_id",),
    ),
    Holding(
        "usage_days",
        usage_days,
        "to tell you what you used",
        "account",
        _mine(usage_days),
        _nobody,
        key=("day", "kind"),
    ),
    Holding(
        "usage_entries",
        usage_entries,
        "to count everything once",
        "usage_entries",
        _mine(usage_entries),
        _nobody,
    ),
    Holding(
        "quotas",
        quotas,
        "how much you may use",
        "account",
        _mine(quotas),
        _nobody,
        key=("name",),
    ),
    Holding(
        "audit_entries",
        audit_entries,
        "to prove who did what",
        "audit_entries",
        _mine(audit_entries),
        _nobody,
        key=("seq",),
    ),
    Holding(
        "operator_accesses",
        operator_accesses,
        "to account for what operators opened",
        "audit_entries",
        _accesses,
        _nobody,
    ),
    Holding(
        "privacy_requests",
        privacy_requests,
        "what was asked about personal data",
        "privacy_requests",
        _requests_of,
        _requests_of,
        untold=frozenset({"reminded", "resume_at", "archive"}),
    ),
    Holding(
        "privacy_request_steps",
        privacy_request_steps,
        "what was done about it",
        "privacy_requests",
        _steps,
        _steps,
    ),
    Holding(
        "restrictions",
        restrictions,
        "what may not be used",
        "privacy_requests",
        _mine(restrictions),
        _of(restrictions.c.consent_id, _consents),
        key=("consent_id",),
    ),
)
"""In the order of an archive's index."""


async def count(tx: Transaction, holding: Holding, scope: Scope) -> int:
    """How many rows are in the scope."""
    query = select(func.count()).select_from(holding.table).where(holding.rows(scope))
    found = await tx.one(query)
    return int(found[0])


async def rows_of(
    database: Database, holding: Holding, scope: Scope
) -> AsyncGenerator[tuple[Transaction, Row[Any]], None]:
    """Every row in the scope, in short transactions: what comes or goes meanwhile may be missed.

    Each comes with the transaction in which it can be unsealed.
    """
    columns = [holding.table.c[name] for name in holding.key]
    key, last = tuple_(*columns), None
    while True:
        query = select(holding.table).where(holding.rows(scope))
        if last is not None:
            after = (literal(last._mapping[column.name], column.type) for column in columns)
            query = query.where(key > tuple_(*after))
        async with database.read() as tx:
            rows = await tx.all(query.order_by(*columns).limit(_AT_ONCE))
            for row in rows:
                yield tx, row
        if len(rows) < _AT_ONCE:
            return
        last = rows[-1]
