"""Where streams of other gateways are, and how often that is asked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.common.errors import Overloaded, Unavailable
from services.gateway.live.neighbours import Neighbours

HERE = "10.0.0.1:8080"


class Directory:
    def __init__(self, **owners: str) -> None:
        self.owners = owners
        self.asked: list[str] = []
        self.down = False

    async def owner_of(self, stream_id: str) -> str | None:
        self.asked.append(stream_id)
        if self.down:
            raise Unavailable("down")
        return self.owners.get(stream_id)


async def in_turn(neighbours: Neighbours, stream_ids: Sequence[str]) -> None:
    for stream_id in stream_ids:
        await neighbours.owner_of(stream_id)


async def test_another_gateway_is_named_and_this_one_is_not() -> None:
    neighbours = Neighbours(Directory(st_1="10.0.0.2:8080", st_2=HERE), HERE)
    assert await neighbours.owner_of("st_1") == "10.0.0.2:8080"
    assert await neighbours.owner_of("st_2") is None
    assert await neighbours.owner_of("st_3") is None


async def test_a_stream_is_asked_for_once_a_second() -> None:
    times_s = iter((10.0, 10.0, 10.9, 11.1, 11.1))
    directory = Directory(st_1="10.0.0.2:8080")
    neighbours = Neighbours(directory, HERE, now_s=lambda: next(times_s))
    for _ in range(3):
        await neighbours.owner_of("st_1")
    assert directory.asked == ["st_1"] * 2


async def test_ids_that_are_tried_are_not_asked_for_without_bound() -> None:
    directory = Directory(st_real="10.0.0.2:8080")
    neighbours = Neighbours(directory, HERE)
    await neighbours.owner_of("st_real")
    ids = [f"st_{number}" for number in range(10_000)]
    with pytest.raises(Overloaded) as refused:
        await in_turn(neighbours, ids)
    assert refused.value.retry_after_s
    assert len(directory.asked) < 1_000
    assert await neighbours.owner_of("st_real") == "10.0.0.2:8080"


async def test_what_could_not_be_found_out_is_not_remembered() -> None:
    directory = Directory(st_1="10.0.0.2:8080")
    neighbours = Neighbours(directory, HERE)
    directory.down = True
    with pytest.raises(Unavailable):
        await neighbours.owner_of("st_1")
    directory.down = False
    assert await neighbours.owner_of("st_1") == "10.0.0.2:8080"
