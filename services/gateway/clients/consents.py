"""The ledger of consents, over gRPC."""

from __future__ import annotations

import grpc
from vultus.storage.v1 import consent_service_pb2 as wire
from vultus.storage.v1.consent_service_pb2_grpc import ConsentServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.consents import Certificate, Check, Consent, Erased, NewConsent
from services.gateway.records import Page

_QUICK_S = 10.0
_ERASE_S = 30.0


class GrpcConsents:
    """The ledger of consents."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ConsentServiceStub(channel)

    async def create(self, account_id: str, new: NewConsent) -> Consent:
        """Records a consent."""
        request = wire.CreateConsentRequest(
            account_id=account_id,
            subject=new.subject,
            purposes=new.purposes,
            statement=new.statement,
            attested_by=new.attested_by,
            valid_until=messages.moment_to_wire(new.valid_until),
            subject_id=new.subject_id,
            given_by=new.given_by,
        )
        call = self._stub.CreateConsent(request, timeout=_QUICK_S, metadata=call_metadata())
        return consent((await unary(call)).consent)

    async def get(self, account_id: str, consent_id: str) -> Consent:
        """One consent."""
        request = wire.GetConsentRequest(account_id=account_id, consent_id=consent_id)
        call = self._stub.GetConsent(request, timeout=_QUICK_S, metadata=call_metadata())
        return consent((await unary(call)).consent)

    async def list(
        self, account_id: str, *, subject_id: str = "", limit: int, cursor: str
    ) -> Page[Consent]:
        """A page of the account's consents, newest first; of one subject, if that is named."""
        request = wire.ListConsentsRequest(
            account_id=account_id, subject_id=subject_id, limit=limit, cursor=cursor
        )
        call = self._stub.ListConsents(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(consent, page.consents)), page.next_cursor)

    async def withdraw(
        self, account_id: str, consent_id: str, *, note: str, erase_videos: bool
    ) -> Consent:
        """Ends a consent and all use of it."""
        request = wire.WithdrawConsentRequest(
            account_id=account_id, consent_id=consent_id, note=note, erase_videos=erase_videos
        )
        call = self._stub.WithdrawConsent(request, timeout=_ERASE_S, metadata=call_metadata())
        return consent((await unary(call)).consent)

    async def certify(self, account_id: str, consent_id: str) -> Certificate:
        """Proves what was erased."""
        request = wire.CertifyErasureRequest(account_id=account_id, consent_id=consent_id)
        call = self._stub.CertifyErasure(request, timeout=_QUICK_S, metadata=call_metadata())
        made = await unary(call)
        return Certificate(made.statement, made.signature, made.public_key)


def consent(message: wire.Consent) -> Consent:
    """A consent."""
    return Consent(
        id=message.id,
        account_id=message.account_id,
        subject_id=message.subject_id,
        subject=message.subject,
        purposes=tuple(message.purposes),
        given_by=message.given_by,
        evidence=message.evidence,
        checks=tuple(Check(one.name, one.passed, one.score) for one in message.checks),
        policy_version=message.policy_version,
        statement=message.statement,
        attested_by=message.attested_by,
        valid_from=messages.moment(message.valid_from),
        valid_until=messages.optional_moment(message, "valid_until"),
        ended_at=messages.optional_moment(message, "ended_at"),
        end_reason=message.end_reason,
        note=message.note,
        erased=_erased(message.erased) if message.HasField("erased") else None,
    )


def _erased(message: wire.Erased) -> Erased:
    return Erased(
        tuple(message.avatar_ids),
        tuple(message.video_ids),
        tuple(message.stream_ids),
        tuple(map(messages.ref, message.objects)),
    )
