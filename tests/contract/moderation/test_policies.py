"""Accounts' policies on a real connection: taken by every call, refused when they are faulty."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import cast

import pytest
from vultus.media.v1 import media_pb2
from vultus.moderation.v1 import moderation_service_pb2 as wire
from vultus.moderation.v1 import moderation_service_pb2_grpc as rpc

from services.common.errors import InvalidInput
from services.common.grpc_client import open_channel, responses, unary
from services.common.grpc_server import serve_grpc
from services.moderation.audio import AudioJudge, AudioVerdict
from services.moderation.image import ImageJudge, Purpose
from services.moderation.policy import Policy
from services.moderation.servicer import Judges, Limits, ModerationServicer
from services.moderation.sound import Chunk
from services.moderation.statement.check import StatementChecker
from services.moderation.store import ObjectName
from services.moderation.text import TextJudge, open_text_judge
from services.moderation.verdict import Suggestion, Verdict

MODERATION = "vultus.moderation.v1.ModerationService"
LIMITS = Limits(
    max_waiting_texts=2,
    max_waiting_images=1,
    max_recordings=1,
    max_text_streams=1,
    max_statements=1,
    max_image_bytes=100_000,
    stall_s=30,
)
BLOCK = wire.SUGGESTION_BLOCK
POLICY = wire.Policy(
    version=4,
    deny=[wire.DeniedPhrase(phrase="golden parrot", label="illicit", suggestion=BLOCK)],
    allow=["go kill yourself"],
)
MILD = wire.Policy(
    labels=[wire.LabelRule(label="terrorism", suggestion=wire.SUGGESTION_REVIEW)],
)


class Pictures:
    """Passes every picture and names the policy that it was asked to judge by."""

    def check(self, data: bytes, purpose: Purpose, policy: Policy) -> Verdict:
        return passed(policy)


class Recordings:
    """Passes every recording and names the policy that it was asked to judge by."""

    async def judge(
        self, chunks: AsyncIterator[Chunk], language: str | None, policy: Policy
    ) -> AudioVerdict:
        return AudioVerdict(passed(policy), "en")


class Objects:
    """Holds any picture."""

    async def read(self, name: ObjectName, max_bytes: int) -> bytes:
        return b""


def passed(policy: Policy) -> Verdict:
    return Verdict(Suggestion.PASS, (), (), policy.named("fake"))


@pytest.fixture(scope="module")
def texts() -> TextJudge:
    return open_text_judge()


@pytest.fixture
async def stub(texts: TextJudge) -> AsyncIterator[rpc.ModerationServiceAsyncStub]:
    judges = Judges(
        texts,
        cast(ImageJudge, Pictures()),
        cast(AudioJudge, Recordings()),
        cast(StatementChecker, None),
    )
    async with AsyncExitStack() as stack:
        reading, looking = (stack.enter_context(ThreadPoolExecutor(1)) for _ in range(2))
        servicer = ModerationServicer(
            judges, Objects(), LIMITS, reading=reading, looking=looking, listening=looking
        )
        endpoint = await stack.enter_async_context(
            serve_grpc(
                "127.0.0.1:0",
                {
                    MODERATION: lambda server: rpc.add_ModerationServiceServicer_to_server(
                        servicer, server
                    )
                },
                drain_timeout_s=1,
            )
        )
        channel = await stack.enter_async_context(open_channel(endpoint.address))
        yield rpc.ModerationServiceStub(channel)


async def check(
    stub: rpc.ModerationServiceAsyncStub, text: str, policy: wire.Policy | None = None
) -> wire.Verdict:
    request = wire.CheckTextRequest(text=text, policy=policy)
    return (await unary(stub.CheckText(request))).verdict


def image_request(policy: wire.Policy) -> wire.CheckImageRequest:
    return wire.CheckImageRequest(image=media_pb2.ObjectRef(bucket="b", key="k"), policy=policy)


def audio_request(policy: wire.Policy) -> wire.CheckAudioRequest:
    return wire.CheckAudioRequest(config=wire.CheckAudioConfig(policy=policy))


async def streamed(
    stub: rpc.ModerationServiceAsyncStub, *requests: wire.CheckTextStreamRequest
) -> list[wire.Verdict]:
    answers = responses(stub.CheckTextStream(iter(requests)))
    return [answer.verdict async for answer in answers]


async def test_a_text_is_judged_by_the_policy_that_comes_with_it(
    stub: rpc.ModerationServiceAsyncStub, texts: TextJudge
) -> None:
    assert (await check(stub, "a golden parrot")).suggestion == wire.SUGGESTION_PASS
    verdict = await check(stub, "a g0lden parr0t", POLICY)
    assert verdict.suggestion == BLOCK
    (category,) = verdict.categories
    assert (category.label, category.sub_label) == ("illicit", "denied_phrase")
    assert verdict.policy_version == f"{texts.policy_version}+account-4"
    allowed = await check(stub, "go kill yourself", POLICY)
    assert allowed.suggestion == wire.SUGGESTION_PASS


async def test_a_written_text_is_judged_by_the_policy_of_its_first_piece(
    stub: rpc.ModerationServiceAsyncStub,
) -> None:
    verdicts = await streamed(
        stub,
        wire.CheckTextStreamRequest(text="Look, a golden ", policy=POLICY),
        wire.CheckTextStreamRequest(text="parrot. And more. "),
    )
    assert [verdict.suggestion for verdict in verdicts] == [wire.SUGGESTION_PASS, BLOCK]
    assert verdicts[-1].policy_version.endswith("+account-4")


async def test_pictures_and_recordings_are_judged_by_it_too(
    stub: rpc.ModerationServiceAsyncStub,
) -> None:
    picture = await unary(stub.CheckImage(image_request(POLICY)))
    recording = await unary(stub.CheckAudio(iter([audio_request(POLICY)])))
    assert picture.verdict.policy_version == "fake+account-4"
    assert recording.verdict.policy_version == "fake+account-4"


async def test_a_later_piece_brings_no_policy(stub: rpc.ModerationServiceAsyncStub) -> None:
    with pytest.raises(InvalidInput, match="first piece"):
        await streamed(
            stub,
            wire.CheckTextStreamRequest(text="Hello, "),
            wire.CheckTextStreamRequest(text="you. ", policy=POLICY),
        )


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (wire.Policy(labels=[wire.LabelRule(label="rude")]), r"labels\[0\].label"),
        (MILD, r"labels\[0\].suggestion"),
        (wire.Policy(allow=["?"]), r"allow\[0\]"),
    ],
)
async def test_a_faulty_policy_is_refused_whatever_it_came_with(
    stub: rpc.ModerationServiceAsyncStub, policy: wire.Policy, field: str
) -> None:
    with pytest.raises(InvalidInput, match=field):
        await check(stub, "hello", policy)
    with pytest.raises(InvalidInput, match=field):
        await streamed(stub, wire.CheckTextStreamRequest(text="hello", policy=policy))
    with pytest.raises(InvalidInput, match=field):
        await unary(stub.CheckImage(image_request(policy)))
    with pytest.raises(InvalidInput, match=field):
        await unary(stub.CheckAudio(iter([audio_request(policy)])))
