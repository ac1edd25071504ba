"""When a stream is taken for lost, and when not."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from services.common.errors import StreamEnded, Unavailable
from services.gateway.live.owners import Claims
from services.gateway.live.sweeper import Sweeper
from services.gateway.records import StreamRecord, StreamSpec, StreamStatus
from tests.fakes.stage import Stage
from tests.fakes.virtual_time import run

LEASE_S = 8.0
LOOK_S = 1.0
PATIENCE_S = 2.0
BUCKET = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Night:
    """A sweeper, its clock, and what it looks at."""

    stage: Stage = field(default_factory=Stage)
    claimed: set[str] = field(default_factory=set)
    bucket: datetime = BUCKET
    down: bool = False
    here: set[str] = field(default_factory=set)
    given_up: list[str] = field(default_factory=list)
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.sweeper = Sweeper(
            self.stage.streams, self, self, lease_s=LEASE_S, now_s=lambda: self.now_s
        )

    async def claims(self) -> Claims:
        if self.down:
            raise Unavailable("the message server does not answer")
        return Claims(frozenset(self.claimed), self.bucket)

    def ids(self) -> Collection[str]:
        return self.here

    async def lost(self, stream_id: str) -> None:
        self.given_up.append(stream_id)

    async def new_stream(self, *, claimed: bool) -> StreamRecord:
        avatar = self.stage.avatars.add(self.stage.account.id)
        spec = StreamSpec(avatar.id, "", 0, 0, 25, 900, 86_400, record=False)
        stream = await self.stage.streams.create(self.stage.account.id, spec)
        if claimed:
            self.claimed.add(stream.id)
        return stream

    async def looks(self, for_s: float) -> None:
        """Looks once a second; what fails is tried again, as `run` does."""
        until_s = self.now_s + for_s
        while self.now_s < until_s:
            self.now_s += LOOK_S
            try:
                await self.sweeper.look()
            except Unavailable:
                continue

    def record(self, stream: StreamRecord) -> StreamRecord:
        return self.stage.streams.kept[stream.id]


@pytest.fixture
async def night() -> Night:
    """A sweeper that has seen all claims for a whole lease."""
    night = Night()
    await night.looks(LEASE_S + LOOK_S)
    return night


async def test_a_stream_that_nobody_claims_for_a_while_is_ended(night: Night) -> None:
    lost, kept = await night.new_stream(claimed=True), await night.new_stream(claimed=True)
    await night.looks(LEASE_S)
    night.claimed.remove(lost.id)
    await night.looks(PATIENCE_S)
    assert not night.record(lost).ended
    await night.looks(LOOK_S)
    assert (night.record(lost).status, night.record(lost).reason) == (
        StreamStatus.ENDED,
        "gateway_lost",
    )
    assert not night.record(kept).ended


async def test_a_claim_that_comes_late_or_back_is_good(night: Night) -> None:
    stream = await night.new_stream(claimed=False)
    for _ in range(5):
        await night.looks(PATIENCE_S)
        night.claimed.add(stream.id)
        await night.looks(LOOK_S)
        night.claimed.remove(stream.id)
    assert not night.record(stream).ended


async def test_a_stream_of_this_gateway_needs_no_claim(night: Night) -> None:
    stream = await night.new_stream(claimed=False)
    night.here.add(stream.id)
    await night.looks(3 * LEASE_S)
    assert not night.record(stream).ended
    assert night.given_up == []


async def test_nothing_is_judged_for_a_lease_after_an_outage(night: Night) -> None:
    stream = await night.new_stream(claimed=True)
    night.down = True
    night.claimed.clear()
    await night.looks(3 * LEASE_S)
    night.down = False
    await night.looks(LEASE_S)
    assert not night.record(stream).ended
    await night.looks(LOOK_S)
    assert night.record(stream).ended


async def test_a_new_bucket_knows_nothing_of_earlier_claims(night: Night) -> None:
    stream = await night.new_stream(claimed=True)
    night.claimed.clear()
    night.bucket = BUCKET + timedelta(seconds=1)
    await night.looks(LEASE_S)
    assert not night.record(stream).ended
    await night.looks(LOOK_S)
    assert night.record(stream).ended


async def test_a_stream_here_that_the_catalog_has_ended_is_given_up_even_in_an_outage(
    night: Night,
) -> None:
    stream = await night.new_stream(claimed=True)
    night.here.add(stream.id)
    night.down = True
    await night.looks(LOOK_S)
    assert night.given_up == []
    await night.stage.streams.move(
        stream.account_id, stream.id, StreamStatus.ENDED, reason="gateway_lost"
    )
    await night.looks(LOOK_S)
    assert night.given_up == [stream.id]


async def test_more_streams_than_a_page_are_all_seen(night: Night) -> None:
    streams = [await night.new_stream(claimed=False) for _ in range(1001)]
    await night.looks(PATIENCE_S + LOOK_S)
    assert all(night.record(stream).ended for stream in streams)


async def test_two_gateways_that_find_a_stream_lost_end_it_once(night: Night) -> None:
    stream = await night.new_stream(claimed=False)
    await night.looks(PATIENCE_S)
    await night.stage.streams.move(
        stream.account_id, stream.id, StreamStatus.FAILED, reason="lipsync_unavailable"
    )
    await night.looks(LEASE_S)
    assert night.record(stream).reason == "lipsync_unavailable"


async def test_what_became_of_a_stream_elsewhere_is_known(night: Night) -> None:
    stream, here = await night.new_stream(claimed=True), await night.new_stream(claimed=True)
    night.here.add(here.id)
    assert await night.sweeper.trouble_with(stream.id) is None
    await night.looks(LOOK_S)
    assert isinstance(await night.sweeper.trouble_with(stream.id), Unavailable)
    assert await night.sweeper.trouble_with(here.id) is None
    night.claimed.remove(stream.id)
    await night.looks(PATIENCE_S + LOOK_S)
    trouble = await night.sweeper.trouble_with(stream.id)
    assert isinstance(trouble, StreamEnded)
    assert "gateway_lost" in trouble.message


def test_it_goes_on_looking_after_a_failure_and_ends_the_lost_within_a_lease() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        night = Night()
        sweeper = Sweeper(night.stage.streams, night, night, lease_s=LEASE_S, now_s=loop.time)
        night.down = True
        running = asyncio.ensure_future(sweeper.run())
        await asyncio.wait({running}, timeout=LEASE_S)
        night.down = False
        stream = await night.new_stream(claimed=True)
        await asyncio.wait({running}, timeout=2 * LEASE_S)
        night.claimed.clear()
        await asyncio.wait({running}, timeout=LEASE_S / 2)
        assert night.record(stream).ended
        running.cancel()

    run(main())
