"""Objects that are to go do go, whatever happens in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from services.common.errors import AssetNotFound
from services.storage.catalog.database import Database
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.tables import erasures
from services.storage.refs import ObjectRef
from tests.contract.storage.catalog.conftest import House

PART = ObjectRef("assets", "ac_1/part")


async def waiting(house: House) -> int:
    async with house.database.read() as tx:
        count: int = (await tx.one(select(func.count()).select_from(erasures)))[0]
    return count


async def test_an_erased_assets_objects_go(house: House) -> None:
    account = await house.account()
    asset, kept = await house.asset(account.id), await house.asset(account.id)
    await house.assets.delete(account.id, asset.id)
    await house.erasures.work_off()
    assert house.objects.kept == set(kept.objects)
    assert await waiting(house) == 0
    with pytest.raises(AssetNotFound):
        await house.assets.get(account.id, asset.id)


async def test_another_accounts_asset_is_neither_told_nor_erased(house: House) -> None:
    account, other = await house.account(), await house.account()
    asset = await house.asset(account.id)
    with pytest.raises(AssetNotFound):
        await house.assets.get(other.id, asset.id)
    with pytest.raises(AssetNotFound):
        await house.assets.delete(other.id, asset.id)
    assert await house.assets.get(account.id, asset.id) == asset


async def test_an_outage_of_the_store_delays_erasing_and_no_more(house: House) -> None:
    account = await house.account()
    asset = await house.asset(account.id)
    house.objects.down = True
    await house.assets.delete(account.id, asset.id)
    await house.erasures.work_off()
    assert await waiting(house) == 2
    house.objects.down = False
    house.clock.advance(minutes=1)
    await house.erasures.work_off()
    assert house.objects.kept == set()


async def test_pauses_grow_up_to_a_quarter_of_an_hour(house: House) -> None:
    account = await house.account()
    await house.assets.delete(account.id, (await house.asset(account.id)).id)
    house.objects.down = True
    for _ in range(30):
        await house.erasures.work_off()
        house.clock.advance(minutes=16)
    house.objects.down = False
    await house.erasures.work_off()
    assert house.objects.kept == set()


async def test_another_process_goes_on_with_what_one_left(house: House) -> None:
    account = await house.account()
    await house.assets.delete(account.id, (await house.asset(account.id)).id)
    await Erasures(house.database, house.objects).work_off()
    assert house.objects.kept == set()


async def test_erasing_begins_right_after_the_commit(house: House) -> None:
    account = await house.account()
    asset = await house.asset(account.id)
    gone = asyncio.Event()

    class Watched:
        async def delete(self, refs: object) -> None:
            gone.set()

    running = Erasures(house.database, Watched())
    task = asyncio.create_task(running.run())
    async with house.database.write() as tx:
        await running.schedule(tx, asset.objects)
    running.hurry()
    async with asyncio.timeout(5):
        await gone.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_rolled_back_is_not_erased(house: House) -> None:
    async def schedule_and_break() -> None:
        async with house.database.write() as tx:
            await house.erasures.schedule(tx, [PART])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await schedule_and_break()
    assert await waiting(house) == 0


async def test_an_upload_that_breaks_off_leaves_nothing(house: House) -> None:
    await house.assets.announce([PART])
    house.objects.kept.add(PART)
    await house.erasures.work_off()
    assert house.objects.kept == {PART}
    house.clock.advance(hours=2)
    await house.erasures.work_off()
    assert house.objects.kept == set()


async def test_what_became_an_asset_stays(house: House) -> None:
    account = await house.account()
    asset = await house.asset(account.id)
    house.clock.advance(days=1)
    await house.erasures.work_off()
    assert house.objects.kept == set(asset.objects)


async def test_of_what_is_deleted_nothing_is_left_in_sqlites_files(house: House, url: URL) -> None:
    if url.get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL's files are for its operator to vacuum")
    account = await house.account()
    avatar = await house.avatar(account.id)

    def held() -> bool:
        folder = Path(str(url.database)).parent
        return any(avatar.id.encode() in path.read_bytes() for path in folder.glob("catalog*"))

    assert held()
    await house.avatars.delete(account.id, avatar.id)
    await house.erasures.work_off()
    assert held()
    async with house.database.read() as tx:
        await tx.one(select(func.count()).select_from(erasures))
        settling = asyncio.create_task(house.database.settle())
        done, _ = await asyncio.wait([settling], timeout=0.05)
        assert not done
        assert held()
    assert await settling
    assert not held()


async def test_a_log_that_somebody_reads_in_is_said_not_to_be_settled(
    house: House, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    if url.get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL's files are for its operator to vacuum")
    tried = []

    async def busy(_: Database) -> bool:
        tried.append(True)
        return len(tried) > 4

    monkeypatch.setattr(Database, "_truncate_log", busy)
    assert not await house.database.settle()
    assert await house.database.settle()
    assert len(tried) == 5
