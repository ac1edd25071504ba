"""The wire of ProvenanceService: messages in, records out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import grpc
from vultus.storage.v1 import provenance_service_pb2 as wire
from vultus.storage.v1.provenance_service_pb2_grpc import ProvenanceServiceServicer

from services.common.errors import InvalidInput
from services.storage.catalog.messages import time_to_wire
from services.storage.provenance.agreements import Agreement, Agreements
from services.storage.provenance.fingerprints import Match
from services.storage.provenance.manifest import Manifest
from services.storage.provenance.sidecars import Sidecars
from services.storage.provenance.verification import Verifications, Verified

Context = grpc.aio.ServicerContext[Any, Any]


class ProvenanceServicer(ProvenanceServiceServicer):
    """Serves ProvenanceService; every method is described in the proto."""

    def __init__(
        self, agreements: Agreements, verifications: Verifications, sidecars: Sidecars
    ) -> None:
        self._agreements = agreements
        self._verifications = verifications
        self._sidecars = sidecars

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

    async def GetSidecarManifest(
        self, request: wire.GetSidecarManifestRequest, context: Context
    ) -> wire.GetSidecarManifestResponse:
        """See the proto."""
        manifest = await self._sidecars.get(request.account_id, request.video_id)
        return wire.GetSidecarManifestResponse(manifest=manifest)

    async def VerifyFile(
        self, request_iterator: AsyncIterator[wire.VerifyFileRequest], context: Context
    ) -> wire.VerifyFileResponse:
        """See the proto."""
        header = await _header(request_iterator)
        verified = await self._verifications.verify(header.account_id, _blocks(request_iterator))
        return wire.VerifyFileResponse(
            made_here=verified.made_here,
            label=_label(verified),
            manifest=_manifest(verified.manifest),
            fingerprint=_fingerprint(verified.match),
            video_id=verified.video_id,
            created_at=time_to_wire(verified.created_at),
        )


async def _header(requests: AsyncIterator[wire.VerifyFileRequest]) -> wire.VerifyFileHeader:
    async for request in requests:
        if request.WhichOneof("payload") == "header":
            return request.header
        break
    raise InvalidInput("the header must come first")


async def _blocks(requests: AsyncIterator[wire.VerifyFileRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("payload") != "data":
            raise InvalidInput("the header is followed by data alone")
        yield request.data


def _label(verified: Verified) -> wire.ContentLabel | None:
    label = verified.label
    if label is None:
        return None
    return wire.ContentLabel(
        producer=label.producer, content_id=label.content_id, ours=verified.label_ours
    )


def _manifest(manifest: Manifest | None) -> wire.ContentManifest | None:
    return None if manifest is None else wire.ContentManifest(**asdict(manifest))


def _fingerprint(match: Match | None) -> wire.ContentFingerprint | None:
    if match is None:
        return None
    return wire.ContentFingerprint(landmarks=match.landmarks, bits_apart=match.bits_apart)


def _agreement(agreement: Agreement) -> wire.UnlabelledAgreement:
    return wire.UnlabelledAgreement(
        version=agreement.version,
        text=agreement.text,
        accepted_by=agreement.accepted_by,
        accepted_at=time_to_wire(agreement.accepted_at),
    )
