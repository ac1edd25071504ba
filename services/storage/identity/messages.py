"""Who there is, to wire messages and back."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.message import Message
from vultus.storage.v1 import account_service_pb2 as wire
from vultus.storage.v1 import people_service_pb2 as people_wire
from vultus.storage.v1 import subject_service_pb2 as subject_wire

from services.common.errors import InvalidInput
from services.storage.catalog.messages import time_to_wire
from services.storage.identity.records import (
    Account,
    AccountKind,
    ApiKey,
    Deregistration,
    Member,
    MinorHolder,
    Person,
    Principal,
    Role,
    Session,
)
from services.storage.subjects.records import Guardian

_KINDS = {
    wire.ACCOUNT_KIND_PERSONAL: AccountKind.PERSONAL,
    wire.ACCOUNT_KIND_ENTERPRISE: AccountKind.ENTERPRISE,
}
_KINDS_TO_WIRE = {kind: number for number, kind in _KINDS.items()}
_ROLES = {
    wire.ROLE_OWNER: Role.OWNER,
    wire.ROLE_DEVELOPER: Role.DEVELOPER,
    wire.ROLE_REVIEWER: Role.REVIEWER,
    wire.ROLE_AUDITOR: Role.AUDITOR,
}
_ROLES_TO_WIRE = {role: number for number, role in _ROLES.items()}


def account_kind(number: wire.AccountKind.ValueType) -> AccountKind:
    """What kind of account is meant. Raises InvalidInput."""
    if number not in _KINDS:
        raise InvalidInput("kind is missing or not known")
    return _KINDS[number]


def role(number: wire.Role.ValueType) -> Role:
    """Which role is meant. Raises InvalidInput."""
    if number not in _ROLES:
        raise InvalidInput("role is missing or not known")
    return _ROLES[number]


def optional_time(message: Message, field: str) -> datetime | None:
    """A point in time that may be left out."""
    if not message.HasField(field):
        return None
    told: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return told


def account_to_wire(account: Account) -> wire.Account:
    """A tenant."""
    return wire.Account(
        id=account.id,
        name=account.name,
        webhook_secret=account.webhook_secret,
        created_at=time_to_wire(account.created_at),
        kind=_KINDS_TO_WIRE[account.kind],
        erases_at=time_to_wire(account.erases_at),
    )


def birth_year(request: wire.SetMinorHolderRequest | people_wire.SignUpRequest) -> int | None:
    """The year that was told."""
    return request.birth_year if request.HasField("birth_year") else None


def guardian(request: wire.SetMinorHolderRequest) -> Guardian | None:
    """Who consents."""
    if not request.HasField("guardian"):
        return None
    told = request.guardian
    return Guardian(told.name, told.relation, told.statement)


def holder_to_wire(holder: MinorHolder) -> wire.MinorHolder:
    """The minor whose account it is."""
    guardian = None
    if told := holder.guardian:
        guardian = subject_wire.Guardian(
            name=told.name, relation=told.relation, statement=told.statement
        )
    return wire.MinorHolder(
        birth_year=holder.birth_year,
        guardian=guardian,
        told_by=holder.told_by,
        told_at=time_to_wire(holder.told_at),
        minor=holder.minor,
    )


def key_to_wire(key: ApiKey) -> wire.ApiKey:
    """An API key without its secrets."""
    return wire.ApiKey(
        id=key.id,
        account_id=key.account_id,
        name=key.name,
        prefix=key.prefix,
        created_at=time_to_wire(key.created_at),
        last_used_at=time_to_wire(key.last_used_at),
        revoked_at=time_to_wire(key.revoked_at),
        scopes=key.scopes,
        expires_at=time_to_wire(key.expires_at),
        rotated_until=time_to_wire(key.rotated_until),
        created_by=key.created_by,
    )


def principal_to_wire(principal: Principal) -> wire.Principal:
    """Who bears a secret."""
    return wire.Principal(
        account_id=principal.account_id,
        actor_id=principal.actor_id,
        scopes=principal.scopes,
        until=time_to_wire(principal.until),
        role=_ROLES_TO_WIRE[principal.role] if principal.role else wire.ROLE_UNSPECIFIED,
        session_id=principal.session_id,
        closing=principal.closing,
    )


def deregistration_to_wire(end: Deregistration) -> wire.Deregistration:
    """The end of an account."""
    return wire.Deregistration(
        id=end.id,
        account_id=end.account_id,
        requested_by=end.requested_by,
        requested_at=time_to_wire(end.requested_at),
        erases_at=time_to_wire(end.erases_at),
    )


def session_to_wire(session: Session) -> people_wire.Session:
    """One signing in."""
    return people_wire.Session(
        id=session.id,
        account_id=session.account_id,
        person_id=session.person_id,
        created_at=time_to_wire(session.created_at),
        last_used_at=time_to_wire(session.last_used_at),
        expires_at=time_to_wire(session.expires_at),
    )


def person_to_wire(person: Person) -> people_wire.Person:
    """Somebody who acts for accounts."""
    memberships = [
        people_wire.Membership(
            account_id=each.account_id,
            account_name=each.account_name,
            role=_ROLES_TO_WIRE[each.role],
        )
        for each in person.memberships
    ]
    return people_wire.Person(
        id=person.id,
        phone=person.phone,
        user_name=person.user_name,
        email=person.email,
        created_at=time_to_wire(person.created_at),
        memberships=memberships,
    )


def member_to_wire(member: Member) -> people_wire.Member:
    """Somebody who acts for an account, or is invited to."""
    return people_wire.Member(
        id=member.id,
        role=_ROLES_TO_WIRE[member.role],
        phone=member.phone,
        user_name=member.user_name,
        invited=member.invited,
        since=time_to_wire(member.since),
        expires_at=time_to_wire(member.expires_at),
    )
