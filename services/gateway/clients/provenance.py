"""Storage's record of provenance, over gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import grpc
from vultus.storage.v1 import provenance_service_pb2 as wire
from vultus.storage.v1.provenance_service_pb2_grpc import ProvenanceServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.clients.calls import upload
from services.gateway.provenance import Fingerprint, Label, Manifest, UnlabelledAgreement, Verified

_QUICK_S = 10.0
_VERIFY_S = 300.0


class GrpcProvenance:
    """Storage's record of provenance."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ProvenanceServiceStub(channel)

    async def agreement(self, account_id: str) -> UnlabelledAgreement:
        """What is asked of accounts, and whether it holds."""
        request = wire.GetUnlabelledAgreementRequest(account_id=account_id)
        call = self._stub.GetUnlabelledAgreement(
            request, timeout=_QUICK_S, metadata=call_metadata()
        )
        return _agreement((await unary(call)).agreement)

    async def accept_agreement(
        self, account_id: str, version: str, *, actor_id: str
    ) -> UnlabelledAgreement:
        """Accepts it."""
        request = wire.AcceptUnlabelledAgreementRequest(
            account_id=account_id, version=version, actor_id=actor_id
        )
        call = self._stub.AcceptUnlabelledAgreement(
            request, timeout=_QUICK_S, metadata=call_metadata()
        )
        return _agreement((await unary(call)).agreement)

    async def end_agreement(self, account_id: str, *, actor_id: str) -> None:
        """Ends it, if it holds."""
        request = wire.EndUnlabelledAgreementRequest(account_id=account_id, actor_id=actor_id)
        call = self._stub.EndUnlabelledAgreement(
            request, timeout=_QUICK_S, metadata=call_metadata()
        )
        await unary(call)

    async def manifest(self, account_id: str, video_id: str) -> bytes:
        """The manifest beside a video's file; empty: there is none."""
        request = wire.GetSidecarManifestRequest(account_id=account_id, video_id=video_id)
        call = self._stub.GetSidecarManifest(request, timeout=_QUICK_S, metadata=call_metadata())
        return (await unary(call)).manifest

    async def verify(self, account_id: str, data: AsyncIterator[bytes]) -> Verified:
        """Looks at a file; keeps nothing."""
        call = self._stub.VerifyFile(timeout=_VERIFY_S, metadata=call_metadata())
        seen = await upload(call, _file(account_id, data))
        label = Label(seen.label.producer, seen.label.content_id, seen.label.ours)
        told = seen.manifest
        manifest = Manifest(told.title, told.generator, told.signer, told.whole, told.ours)
        agreed = seen.fingerprint
        fingerprint = Fingerprint(agreed.landmarks, agreed.bits_apart)
        return Verified(
            seen.made_here,
            label if seen.HasField("label") else None,
            manifest if seen.HasField("manifest") else None,
            seen.video_id,
            messages.optional_moment(seen, "created_at"),
            fingerprint if seen.HasField("fingerprint") else None,
        )


async def _file(
    account_id: str, data: AsyncIterator[bytes]
) -> AsyncGenerator[wire.VerifyFileRequest, None]:
    yield wire.VerifyFileRequest(header=wire.VerifyFileHeader(account_id=account_id))
    async for block in data:
        yield wire.VerifyFileRequest(data=block)


def _agreement(message: wire.UnlabelledAgreement) -> UnlabelledAgreement:
    return UnlabelledAgreement(
        message.version,
        message.text,
        message.accepted_by,
        messages.optional_moment(message, "accepted_at"),
    )
