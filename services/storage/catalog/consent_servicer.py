"""The wire of ConsentService: messages in, records out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import grpc
from vultus.storage.v1 import consent_service_pb2 as wire
from vultus.storage.v1.consent_service_pb2_grpc import ConsentServiceServicer

from services.common.errors import Internal
from services.storage.catalog.certificates import Signer
from services.storage.catalog.consents import Consents
from services.storage.catalog.messages import time_to_wire
from services.storage.catalog.records import Consent, Erased, GivenBy, NewConsent
from services.storage.catalog.withdrawals import Withdrawals
from services.storage.objects.wire import ref_to_wire

Context = grpc.aio.ServicerContext[Any, Any]


class ConsentServicer(ConsentServiceServicer):
    """Serves ConsentService; every method is described in the proto."""

    def __init__(self, consents: Consents, withdrawals: Withdrawals, signer: Signer) -> None:
        self._consents = consents
        self._withdrawals = withdrawals
        self._signer = signer

    async def CreateConsent(
        self, request: wire.CreateConsentRequest, context: Context
    ) -> wire.CreateConsentResponse:
        """See the proto."""
        until = request.valid_until if request.HasField("valid_until") else None
        new = NewConsent(
            request.subject,
            tuple(request.purposes),
            request.statement,
            request.attested_by,
            until.ToDatetime(tzinfo=UTC) if until else None,
            request.subject_id,
            request.given_by or GivenBy.SUBJECT,
        )
        consent = await self._consents.create(request.account_id, new)
        return wire.CreateConsentResponse(consent=consent_to_wire(consent))

    async def GetConsent(
        self, request: wire.GetConsentRequest, context: Context
    ) -> wire.GetConsentResponse:
        """See the proto."""
        consent = await self._consents.get(request.account_id, request.consent_id)
        return wire.GetConsentResponse(consent=consent_to_wire(consent))

    async def ListConsents(
        self, request: wire.ListConsentsRequest, context: Context
    ) -> wire.ListConsentsResponse:
        """See the proto."""
        page = await self._consents.list(
            request.account_id,
            subject_id=request.subject_id,
            limit=request.limit,
            cursor=request.cursor,
        )
        return wire.ListConsentsResponse(
            consents=map(consent_to_wire, page.items), next_cursor=page.next_cursor
        )

    async def WithdrawConsent(
        self, request: wire.WithdrawConsentRequest, context: Context
    ) -> wire.WithdrawConsentResponse:
        """See the proto."""
        consent = await self._withdrawals.withdraw(
            request.account_id,
            request.consent_id,
            note=request.note,
            erase_videos=request.erase_videos,
        )
        return wire.WithdrawConsentResponse(consent=consent_to_wire(consent))

    async def CertifyErasure(
        self, request: wire.CertifyErasureRequest, context: Context
    ) -> wire.CertifyErasureResponse:
        """See the proto."""
        consent = await self._withdrawals.erased(request.account_id, request.consent_id)
        if consent.erased is None:
            raise Internal("an ended consent without what was erased")
        made = self._signer.certify(consent, consent.erased, now=datetime.now(UTC))
        return wire.CertifyErasureResponse(
            statement=made.statement, signature=made.signature, public_key=made.public_key
        )


def consent_to_wire(consent: Consent) -> wire.Consent:
    """A consent."""
    return wire.Consent(
        id=consent.id,
        account_id=consent.account_id,
        subject_id=consent.subject_id,
        subject=consent.subject,
        purposes=consent.purposes,
        given_by=consent.given_by,
        evidence=consent.evidence,
        checks=[
            wire.Check(name=check.name, passed=check.passed, score=check.score)
            for check in consent.checks
        ],
        policy_version=consent.policy_version,
        statement=consent.statement,
        attested_by=consent.attested_by,
        valid_from=time_to_wire(consent.valid_from),
        valid_until=time_to_wire(consent.valid_until),
        ended_at=time_to_wire(consent.ended_at),
        end_reason=consent.end_reason,
        note=consent.note,
        erased=_erased(consent.erased) if consent.erased else None,
    )


def _erased(erased: Erased) -> wire.Erased:
    return wire.Erased(
        avatar_ids=erased.avatar_ids,
        video_ids=erased.video_ids,
        stream_ids=erased.stream_ids,
        objects=map(ref_to_wire, erased.objects),
    )
