"""Storage's record of challenges, over gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import grpc
from vultus.storage.v1 import challenge_service_pb2 as wire
from vultus.storage.v1 import consent_service_pb2
from vultus.storage.v1.challenge_service_pb2_grpc import ChallengeServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.challenges import Challenge, NewChallenge, Phrase, Statement, Taken
from services.gateway.clients import messages
from services.gateway.clients.calls import upload
from services.gateway.clients.consents import consent
from services.gateway.consents import Check, Consent
from services.gateway.media import ObjectRef

_QUICK_S = 10.0
_UPLOAD_S = 300.0


class GrpcChallenges:
    """Storage's record of challenges."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ChallengeServiceStub(channel)

    async def create(self, account_id: str, new: NewChallenge) -> Challenge:
        """A fresh phrase."""
        request = wire.CreateChallengeRequest(
            account_id=account_id,
            subject=new.subject,
            subject_id=new.subject_id,
            purposes=new.purposes,
            given_by=new.given_by,
            attested_by=new.attested_by,
            asset_id=new.asset_id,
            valid_until=messages.moment_to_wire(new.valid_until),
            language=new.language,
        )
        call = self._stub.CreateChallenge(request, timeout=_QUICK_S, metadata=call_metadata())
        return _challenge((await unary(call)).challenge)

    async def get(self, account_id: str, challenge_id: str) -> Challenge:
        """One challenge."""
        request = wire.GetChallengeRequest(account_id=account_id, challenge_id=challenge_id)
        call = self._stub.GetChallenge(request, timeout=_QUICK_S, metadata=call_metadata())
        return _challenge((await unary(call)).challenge)

    async def take(self, account_id: str, challenge_id: str, data: AsyncIterator[bytes]) -> Taken:
        """Stores a film."""
        header = wire.TakeRecordingHeader(account_id=account_id, challenge_id=challenge_id)
        call = self._stub.TakeRecording(timeout=_UPLOAD_S, metadata=call_metadata())
        taken = await upload(call, _film(header, data))
        return Taken(
            _challenge(taken.challenge),
            messages.ref(taken.recording),
            messages.ref(taken.portrait) if taken.HasField("portrait") else None,
        )

    async def conclude(
        self, account_id: str, challenge_id: str, recording: ObjectRef, found: Statement
    ) -> tuple[Challenge, Consent | None]:
        """What follows from what was found."""
        request = wire.ConcludeChallengeRequest(
            account_id=account_id,
            challenge_id=challenge_id,
            recording=messages.ref_to_wire(recording),
            checks=[
                consent_service_pb2.Check(name=one.name, passed=one.passed, score=one.score)
                for one in found.checks
            ],
            voice=found.voice,
        )
        call = self._stub.ConcludeChallenge(request, timeout=_QUICK_S, metadata=call_metadata())
        told = await unary(call)
        made = consent(told.consent) if told.HasField("consent") else None
        return _challenge(told.challenge), made


async def _film(
    header: wire.TakeRecordingHeader, data: AsyncIterator[bytes]
) -> AsyncGenerator[wire.TakeRecordingRequest, None]:
    yield wire.TakeRecordingRequest(header=header)
    async for block in data:
        yield wire.TakeRecordingRequest(data=block)


def _challenge(message: wire.Challenge) -> Challenge:
    return Challenge(
        id=message.id,
        account_id=message.account_id,
        subject_id=message.subject_id,
        purposes=tuple(message.purposes),
        given_by=message.given_by,
        asset_id=message.asset_id,
        valid_until=messages.optional_moment(message, "valid_until"),
        phrase=Phrase(message.phrase, message.sentence, message.secret, message.language),
        tries_left=message.tries_left,
        checks=tuple(Check(one.name, one.passed, one.score) for one in message.checks),
        consent_id=message.consent_id,
        expires_at=messages.moment(message.expires_at),
    )
