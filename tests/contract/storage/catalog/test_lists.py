"""Lists in pages: newest first, stable while things come and go."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.common.errors import InvalidInput
from tests.contract.storage.catalog.conftest import House

List = Callable[..., Awaitable[Any]]


@pytest.fixture(params=["assets", "avatars", "videos", "streams"])
def noun(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def lister(house: House, noun: str) -> List:
    listers: dict[str, List] = {
        "assets": house.assets.list,
        "avatars": house.avatars.list,
        "videos": house.videos.list,
        "streams": house.streams.list,
    }
    return listers[noun]


async def make(house: House, noun: str, account_id: str) -> str:
    makers: dict[str, Callable[[str], Awaitable[Any]]] = {
        "assets": house.asset,
        "avatars": house.preparing,
        "videos": house.video,
        "streams": house.stream,
    }
    made_id: str = (await makers[noun](account_id)).id
    return made_id


async def test_pages_join_without_gap_or_repetition(house: House, noun: str) -> None:
    account, other = await house.account(), await house.account()
    made = {await make(house, noun, account.id) for _ in range(5)}
    await make(house, noun, other.id)
    listed, cursor = [], ""
    for expected in (2, 2, 1):
        page = await lister(house, noun)(account.id, limit=2, cursor=cursor)
        assert len(page.items) == expected
        listed += [item.id for item in page.items]
        cursor = page.next_cursor
    assert cursor == ""
    assert listed == sorted(made, reverse=True)


async def test_what_comes_meanwhile_does_not_shift_the_pages(house: House) -> None:
    account = await house.account()
    made = sorted([(await house.asset(account.id)).id for _ in range(4)], reverse=True)
    page = await house.assets.list(account.id, limit=2, cursor="")
    await house.asset(account.id)
    await house.assets.delete(account.id, made[0])
    rest = await house.assets.list(account.id, limit=2, cursor=page.next_cursor)
    assert [asset.id for asset in rest.items] == made[2:]


async def test_a_full_last_page_has_no_cursor(house: House, noun: str) -> None:
    account = await house.account()
    for _ in range(2):
        await make(house, noun, account.id)
    page = await lister(house, noun)(account.id, limit=2, cursor="")
    assert (len(page.items), page.next_cursor) == (2, "")


@pytest.mark.parametrize("limit", [0, -1, 101])
async def test_a_page_has_1_to_100_things(house: House, noun: str, limit: int) -> None:
    account = await house.account()
    with pytest.raises(InvalidInput):
        await lister(house, noun)(account.id, limit=limit, cursor="")


@pytest.mark.parametrize(
    "cursor",
    ["x", "é", "A" * 40, base64.urlsafe_b64encode(b"ac_01JAZ5W7Q2M8N4P6R8T0V2X4Z6").decode()],
)
async def test_a_made_up_cursor_is_refused(house: House, noun: str, cursor: str) -> None:
    account = await house.account()
    with pytest.raises(InvalidInput):
        await lister(house, noun)(account.id, limit=10, cursor=cursor)
