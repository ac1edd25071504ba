"""The wire of ProvenanceService: messages in, records out."""

from __future__ import annotations

from typing import Any

import grpc
from vultus.storage.v1 import provenance_service_pb2 as wire
from vultus.storage.v1.provenance_service_pb2_grpc import ProvenanceServiceServicer

from services.storage.catalog.messages import time_to_wire
from services.storage.provenance.agreements import Agreement, Agreements

Context = grpc.aio.ServicerContext[Any, Any]


class ProvenanceServicer(ProvenanceServiceServicer):
    """Serves ProvenanceService; every method is described in the proto."""

    def __init__(self, agreements: Agreements) -> None:
        self._agreements = agreements

    async def GetUnlabelledAgreement(
        self, request: wire.GetUnlabelledAgreementRequest, context: Context
    ) -> wire.GetUnlabelledAgreementResponse:
        """See the proto."""
        agreement = await self._agreements.get(request.account_id)
        return wire.GetUnlabelledAgreementResponse(agreement=_agreement(agreement))

    async def AcceptUnlabelledAgreement(
        self, request: wire.AcceptUnlabelledAgreementRequest, context: Context
    ) -> wire.AcceptUnlabelledAgreementResponse:
        """See the proto."""
        agreement = await self._agreements.accept(
            request.account_id, request.version, actor_id=request.actor_id
        )
        return wire.AcceptUnlabelledAgreementResponse(agreement=_agreement(agreement))

    async def EndUnlabelledAgreement(
        self, request: wire.EndUnlabelledAgreementRequest, context: Context
    ) -> wire.EndUnlabelledAgreementResponse:
        """See the proto."""
        await self._agreements.end(request.account_id, actor_id=request.actor_id)
        return wire.EndUnlabelledAgreementResponse()


def _agreement(agreement: Agreement) -> wire.UnlabelledAgreement:
    return wire.UnlabelledAgreement(
        version=agreement.version,
        text=agreement.text,
        accepted_by=agreement.accepted_by,
        accepted_at=time_to_wire(agreement.accepted_at),
    )
