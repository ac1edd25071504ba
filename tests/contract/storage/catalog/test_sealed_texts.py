"""What people wrote lies in the database as noise; callers read it as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Text, select, type_coerce, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import StatementError

from services.common.errors import KeyErased, VideoNotFound
from services.gateway.moderation.records import ReviewStatus
from services.gateway.records import Answer
from services.storage.catalog.tables import (
    SEAL,
    Sealed,
    idempotency_keys,
    review_decisions,
    reviews,
    videos,
)
from services.storage.identity.tables import accounts
from services.storage.protection.master import Damaged
from services.storage.protection.upkeep import seal_rows
from tests.contract.storage.catalog.conftest import House
from tests.contract.storage.catalog.test_reviews import CLAUSE

SAID = "Call +8613800138000 and ask for Ottoline. "
NOTE = "She wrote from Timbuktu"


COLUMNS: tuple[Column[Any], ...] = (
    accounts.c.webhook_secret,
    idempotency_keys.c.body,
    review_decisions.c.note,
    reviews.c.text,
    videos.c.text,
)
"""Those that are older than their sealing; others were sealed from their beginning."""


async def lying(house: House, column: Column[Any]) -> set[str]:
    """What the database holds."""
    async with house.database.read() as tx:
        rows = await tx.all(select(type_coerce(column, Text)))
    return {row[0] for row in rows if row[0]}


async def everything_said(house: House) -> str:
    """An account that has used every column that is sealed; its id."""
    account = await house.account()
    new = await house.new_video(account.id, text=SAID)
    video = await house.videos.create(account.id, new)
    review = await house.reviews.open(account.id, replace(CLAUSE, text=SAID))
    decided = await house.reviews.decide(
        account.id, review.id, ReviewStatus.APPROVED, author="key_1", note=NOTE, for_training=False
    )
    await house.idempotency.begin(account.id, "k", "1" * 64)
    await house.idempotency.complete(account.id, "k", Answer(201, SAID))
    await told(house, account.id)
    assert video.spec.text == review.text == SAID
    assert decided.review.decisions[0].note == NOTE
    return account.id


async def told(house: House, account_id: str) -> None:
    """All of it is read as it was written, one by one and in lists."""
    (video,) = (await house.videos.list(account_id, limit=10, cursor="")).items
    (review,) = (await house.reviews.list(account_id, limit=10, cursor="")).items
    found = await house.reviews.get(account_id, review.id)
    answer = await house.idempotency.begin(account_id, "k", "1" * 64)
    assert video.spec.text == (await house.videos.get(account_id, video.id)).spec.text == SAID
    assert (review.text, found.text, found.decisions[0].note) == (SAID, SAID, NOTE)
    assert answer == Answer(201, SAID)


async def test_everything_that_is_to_be_sealed_is(house: House) -> None:
    await everything_said(house)
    for column in COLUMNS:
        kept = await lying(house, column)
        assert kept, f"{column} was not used"
        assert isinstance(column.type, Sealed)
        assert all(value.startswith(SEAL) for value in kept), column


async def test_the_file_of_the_database_shows_no_phone_number_and_no_secret(
    house: House, url: URL
) -> None:
    if url.get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL keeps its files elsewhere")
    account_id = await everything_said(house)
    secret = (await house.accounts.account(account_id)).webhook_secret
    path = Path(url.database or "")
    with closing(sqlite3.connect(path)) as connection:
        dump = "\n".join(connection.iterdump())
    raw = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    assert account_id in dump
    assert account_id.encode() in raw
    for hidden in ("13800138000", "Ottoline", NOTE, secret):
        assert hidden not in dump
        assert hidden.encode() not in raw


async def test_a_text_that_was_not_sealed_is_not_stored(house: House) -> None:
    account = await house.account()
    video = await house.video(account.id)
    with pytest.raises(StatementError, match="was not"):
        async with house.database.write() as tx:
            await tx.execute(update(videos).where(videos.c.id == video.id).values(text=SAID))


async def test_what_lies_in_the_clear_is_read_and_then_sealed(house: House) -> None:
    account_id = await everything_said(house)
    other = await house.account()
    for column in COLUMNS:
        clear = NOTE if column.name == "note" else SAID
        async with house.database.write() as tx:
            bare = update(column.table).where(type_coerce(column, Text) != "")
            await tx.execute(bare.values({column: type_coerce(clear, Text)}))
    await told(house, account_id)
    assert await seal_rows(house.database) == 6
    assert await seal_rows(house.database) == 0
    await told(house, account_id)
    assert (await house.accounts.account(other.id)).webhook_secret == SAID
    for column in COLUMNS:
        assert all(value.startswith(SEAL) for value in await lying(house, column)), column


async def test_a_sealed_text_is_read_in_its_own_column_alone(house: House) -> None:
    account_id = await everything_said(house)
    async with house.database.write() as tx:
        stolen = (await tx.one(select(reviews.c.text))).text
        await tx.execute(update(videos).values(text=stolen))
        with pytest.raises(Damaged):
            await tx.unseal(videos.c.text, account_id, stolen)


async def test_what_an_erased_account_said_is_gone_and_its_record_can_still_be_listed(
    house: House,
) -> None:
    account_id, other = await everything_said(house), await house.account()
    (video,) = (await house.videos.list(account_id, limit=10, cursor="")).items
    async with house.database.write() as tx:
        await house.vault.shred(tx, account_id)
    async with house.database.read() as tx:
        kept = (await tx.one(select(videos.c.text).where(videos.c.id == video.id))).text
        with pytest.raises(KeyErased):
            await tx.unseal(videos.c.text, account_id, kept)
    listed = {account.id: account for account in await house.accounts.list_accounts()}
    assert listed[account_id].webhook_secret == ""
    assert listed[other.id] == other
    with pytest.raises(VideoNotFound):
        await house.videos.get(other.id, video.id)
