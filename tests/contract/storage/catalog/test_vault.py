"""What is sealed is read by its owner's key alone, and by nobody once that was shredded."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from services.common.errors import KeyErased, StartupError
from services.common.ids import new_id
from services.storage.catalog.database import Transaction
from services.storage.protection.keys import DataKeys
from services.storage.protection.master import KEY_BYTES, Damaged, KeyFile
from services.storage.protection.tables import data_keys
from services.storage.protection.vault import Vault, open_vault
from tests.contract.storage.catalog.conftest import House

PHONE = "+8613800138000"
FIELD = "people.phone"


def owner() -> str:
    return new_id("us")


async def sealed(house: House, owner_id: str, text: str = PHONE) -> bytes:
    async with house.database.write() as tx:
        return await house.vault.seal(tx, owner_id, text, field=FIELD)


async def unsealed(house: House, owner_id: str, value: bytes, field: str = FIELD) -> str:
    async with house.database.read() as tx:
        return await house.vault.unseal(tx, owner_id, value, field=field)


async def keys(house: House) -> list[Any]:
    async with house.database.read() as tx:
        return list(await tx.all(select(data_keys).order_by(data_keys.c.owner_id)))


@pytest.mark.parametrize("text", ["", PHONE, "数字人 🙂" * 1000])
async def test_a_text_comes_back_and_lies_nowhere_in_the_clear(house: House, text: str) -> None:
    ada = owner()
    value, again = await sealed(house, ada, text), await sealed(house, ada, text)
    assert value != again
    assert not text or text.encode() not in value
    assert await unsealed(house, ada, value) == await unsealed(house, ada, again) == text


async def test_what_is_sealed_is_bound_to_its_owner_and_its_field(house: House) -> None:
    ada, eve = owner(), owner()
    value = await sealed(house, ada)
    await sealed(house, eve)
    with pytest.raises(Damaged):
        await unsealed(house, eve, value)
    with pytest.raises(Damaged):
        await unsealed(house, ada, value, field="people.email")


@pytest.mark.parametrize("place", [0, 1, 12, 13, -1])
async def test_one_altered_byte_is_found(house: House, place: int) -> None:
    ada = owner()
    value = bytearray(await sealed(house, ada))
    value[place] ^= 1
    with pytest.raises(Damaged):
        await unsealed(house, ada, bytes(value))


@pytest.mark.parametrize("length", [0, 1, 13, 20])
async def test_what_was_cut_is_found(house: House, length: int) -> None:
    ada = owner()
    value = await sealed(house, ada)
    with pytest.raises(Damaged):
        await unsealed(house, ada, value[:length])


async def test_what_was_never_sealed_has_no_key(house: House) -> None:
    value = await sealed(house, owner())
    with pytest.raises(Damaged):
        await unsealed(house, owner(), value)


async def test_shredding_ends_all_reading_and_sealing_at_once(house: House) -> None:
    ada, eve = owner(), owner()
    value, other = await sealed(house, ada), await sealed(house, eve)
    async with house.database.write() as tx:
        assert await house.vault.unseal(tx, ada, value, field=FIELD) == PHONE
        await house.vault.shred(tx, ada)
        with pytest.raises(KeyErased):
            await house.vault.unseal(tx, ada, value, field=FIELD)
    with pytest.raises(KeyErased):
        await unsealed(house, ada, value)
    with pytest.raises(KeyErased):
        await sealed(house, ada)
    assert await unsealed(house, eve, other) == PHONE
    gone = [row for row in await keys(house) if row.owner_id == ada]
    assert [(row.wrapped, row.erased_at is not None) for row in gone] == [(None, True)]


async def test_an_owner_is_shredded_before_anything_was_sealed_and_twice(house: House) -> None:
    ada = owner()
    for _ in range(2):
        async with house.database.write() as tx:
            await house.vault.shred(tx, ada)
    with pytest.raises(KeyErased):
        await sealed(house, ada)


async def test_many_that_seal_first_agree_on_one_key(house: House) -> None:
    ada = owner()
    values = await asyncio.gather(*(sealed(house, ada, f"{index}") for index in range(8)))
    found = await asyncio.gather(*(unsealed(house, ada, value) for value in values))
    assert found == [f"{index}" for index in range(8)]
    assert len([row for row in await keys(house) if row.owner_id == ada]) == 1


async def test_a_key_whose_making_was_undone_seals_nothing(house: House) -> None:
    ada = owner()

    async def seal_and_break(tx: Transaction) -> None:
        async with tx.savepoint():
            value = await house.vault.seal(tx, ada, PHONE, field=FIELD)
            assert await house.vault.unseal(tx, ada, value, field=FIELD) == PHONE
            raise ZeroDivisionError

    async with house.database.write() as tx:
        with pytest.raises(ZeroDivisionError):
            await seal_and_break(tx)
        value = await house.vault.seal(tx, ada, PHONE, field=FIELD)
    assert await unsealed(house, ada, value) == PHONE


async def test_equal_texts_are_found_by_an_index_that_tells_nothing(house: House) -> None:
    index = house.vault.blind_index(PHONE, field=FIELD)
    assert index == house.vault.blind_index(PHONE, field=FIELD)
    assert len(index) == 64
    others = {
        house.vault.blind_index(PHONE, field="people.email"),
        house.vault.blind_index(PHONE + "1", field=FIELD),
    }
    assert index not in others


async def test_a_new_master_key_reads_and_finds_what_there_is(house: House) -> None:
    old, new = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)
    ada = owner()
    async with house.database.write() as tx:
        await tx.execute(data_keys.delete())
    before = await open_vault(house.database, KeyFile([old]))
    async with house.database.write() as tx:
        value = await before.seal(tx, ada, PHONE, field=FIELD)
    after = await open_vault(house.database, KeyFile([new, old]))
    async with house.database.write() as tx:
        assert await after.unseal(tx, ada, value, field=FIELD) == PHONE
        rewrapped, last = await DataKeys(KeyFile([new, old])).rewrap(tx, after="")
        assert (rewrapped, last) == (2, ada)
        assert await DataKeys(KeyFile([new, old])).rewrap(tx, after=last) == (0, "")
        assert await DataKeys(KeyFile([new, old])).rewrap(tx, after="") == (0, ada)
    alone = await open_vault(house.database, KeyFile([new]))
    assert alone.blind_index(PHONE, field=FIELD) == before.blind_index(PHONE, field=FIELD)
    async with house.database.read() as tx:
        assert await alone.unseal(tx, ada, value, field=FIELD) == PHONE


async def test_a_database_of_another_master_key_is_refused(house: House) -> None:
    with pytest.raises(StartupError, match="master key"):
        await open_vault(house.database, KeyFile([os.urandom(KEY_BYTES)]))


async def test_a_key_that_lies_with_another_owner_is_found(house: House) -> None:
    ada, eve = owner(), owner()
    value = await sealed(house, ada)
    (row,) = [row for row in await keys(house) if row.owner_id == ada]
    stolen = {"owner_id": eve, "wrapped": row.wrapped, "created_at": row.created_at}
    async with house.database.write() as tx:
        await tx.execute(insert(data_keys).values(stolen))
        await tx.execute(update(data_keys).where(data_keys.c.owner_id == ada).values(wrapped=b""))
    for each in (ada, eve):
        with pytest.raises(Damaged):
            await unsealed(house, each, value)


async def test_a_second_process_reads_what_the_first_sealed(house: House) -> None:
    master = KeyFile([os.urandom(KEY_BYTES)])
    async with house.database.write() as tx:
        await tx.execute(data_keys.delete())
    ada = owner()
    first: Vault = await open_vault(house.database, master)
    second: Vault = await open_vault(house.database, master)
    async with house.database.write() as tx:
        value = await first.seal(tx, ada, PHONE, field=FIELD)
    async with house.database.read() as tx:
        assert await second.unseal(tx, ada, value, field=FIELD) == PHONE
