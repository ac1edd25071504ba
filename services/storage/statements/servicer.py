"""The wire of ChallengeService: messages in, records out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any

import grpc
from vultus.storage.v1 import challenge_service_pb2 as wire
from vultus.storage.v1 import consent_service_pb2
from vultus.storage.v1.challenge_service_pb2_grpc import ChallengeServiceServicer

from services.common.errors import InvalidInput
from services.storage.catalog.consent_servicer import consent_to_wire
from services.storage.catalog.messages import time_to_wire
from services.storage.catalog.records import Check, GivenBy
from services.storage.objects.wire import ref_from_wire, ref_to_wire
from services.storage.statements.challenges import Challenges
from services.storage.statements.records import Challenge, NewChallenge

Context = grpc.aio.ServicerContext[Any, Any]


class ChallengeServicer(ChallengeServiceServicer):
    """Serves ChallengeService; every method is described in the proto."""

    def __init__(self, challenges: Challenges) -> None:
        self._challenges = challenges

    async def CreateChallenge(
        self, request: wire.CreateChallengeRequest, context: Context
    ) -> wire.CreateChallengeResponse:
        """See the proto."""
        until = request.valid_until if request.HasField("valid_until") else None
        new = NewChallenge(
            request.subject,
            request.subject_id,
            tuple(request.purposes),
            request.given_by or GivenBy.SUBJECT,
            request.attested_by,
            request.asset_id,
            until.ToDatetime(tzinfo=UTC) if until else None,
            request.language,
        )
        challenge = await self._challenges.create(request.account_id, new)
        return wire.CreateChallengeResponse(challenge=_challenge(challenge))

    async def GetChallenge(
        self, request: wire.GetChallengeRequest, context: Context
    ) -> wire.GetChallengeResponse:
        """See the proto."""
        challenge = await self._challenges.get(request.account_id, request.challenge_id)
        return wire.GetChallengeResponse(challenge=_challenge(challenge))

    async def TakeRecording(
        self, request_iterator: AsyncIterator[wire.TakeRecordingRequest], context: Context
    ) -> wire.TakeRecordingResponse:
        """See the proto."""
        header = await _header(request_iterator)
        challenge, portrait = await self._challenges.take(
            header.account_id, header.challenge_id, _blocks(request_iterator)
        )
        return wire.TakeRecordingResponse(
            challenge=_challenge(challenge),
            recording=ref_to_wire(challenge.recording) if challenge.recording else None,
            portrait=ref_to_wire(portrait) if portrait else None,
        )

    async def ConcludeChallenge(
        self, request: wire.ConcludeChallengeRequest, context: Context
    ) -> wire.ConcludeChallengeResponse:
        """See the proto."""
        challenge, consent = await self._challenges.conclude(
            request.account_id,
            request.challenge_id,
            ref_from_wire(request.recording),
            [Check(one.name, one.passed, one.score) for one in request.checks],
            list(request.voice),
        )
        return wire.ConcludeChallengeResponse(
            challenge=_challenge(challenge), consent=consent_to_wire(consent) if consent else None
        )


async def _header(requests: AsyncIterator[wire.TakeRecordingRequest]) -> wire.TakeRecordingHeader:
    async for request in requests:
        if request.WhichOneof("payload") == "header":
            return request.header
        break
    raise InvalidInput("the header must come first")


async def _blocks(requests: AsyncIterator[wire.TakeRecordingRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("payload") != "data":
            raise InvalidInput("the header is followed by data alone")
        yield request.data


def _challenge(challenge: Challenge) -> wire.Challenge:
    return wire.Challenge(
        id=challenge.id,
        account_id=challenge.account_id,
        subject_id=challenge.subject_id,
        purposes=challenge.purposes,
        given_by=challenge.given_by,
        asset_id=challenge.asset_id,
        valid_until=time_to_wire(challenge.valid_until),
        language=challenge.language,
        phrase=challenge.phrase.text,
        sentence=challenge.phrase.sentence,
        secret=challenge.phrase.secret,
        tries_left=challenge.tries_left,
        checks=[
            consent_service_pb2.Check(name=one.name, passed=one.passed, score=one.score)
            for one in challenge.checks
        ],
        consent_id=challenge.consent_id,
        expires_at=time_to_wire(challenge.expires_at),
    )
