"""Idempotency keys: claimed once, answered alike, free again after a day or a death."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from services.common.errors import (
    AccountNotFound,
    IdempotencyConflict,
    IdempotencyInProgress,
    StateConflict,
)
from services.common.ids import new_id
from services.gateway.records import Answer
from services.storage.catalog.idempotency import Idempotency
from services.storage.catalog.tables import idempotency_keys
from tests.contract.storage.catalog.conftest import House

ONE, OTHER = "1" * 64, "2" * 64
ANSWER = Answer(201, '{"id": "vd_1"}')


async def test_the_first_use_claims_and_the_next_gets_its_answer(house: House) -> None:
    account = await house.account()
    assert await house.idempotency.begin(account.id, "k", ONE) is None
    await house.idempotency.complete(account.id, "k", ANSWER)
    assert await house.idempotency.begin(account.id, "k", ONE) == ANSWER
    assert await house.idempotency.begin(account.id, "k", ONE) == ANSWER


async def test_a_second_use_waits_while_the_first_is_answered(house: House) -> None:
    account = await house.account()
    await house.idempotency.begin(account.id, "k", ONE)
    with pytest.raises(IdempotencyInProgress) as raised:
        await house.idempotency.begin(account.id, "k", ONE)
    assert raised.value.retryable


async def test_another_request_under_the_same_key_is_a_conflict(house: House) -> None:
    account = await house.account()
    await house.idempotency.begin(account.id, "k", ONE)
    with pytest.raises(IdempotencyConflict):
        await house.idempotency.begin(account.id, "k", OTHER)
    await house.idempotency.complete(account.id, "k", ANSWER)
    with pytest.raises(IdempotencyConflict):
        await house.idempotency.begin(account.id, "k", OTHER)


async def test_of_many_at_once_one_claims_the_key(house: House) -> None:
    account = await house.account()
    results = await asyncio.gather(
        *(house.idempotency.begin(account.id, "k", ONE) for _ in range(12)),
        return_exceptions=True,
    )
    assert results.count(None) == 1
    assert [type(result) for result in results].count(IdempotencyInProgress) == 11


async def test_an_abandoned_key_is_free(house: House) -> None:
    account = await house.account()
    await house.idempotency.begin(account.id, "k", ONE)
    await house.idempotency.abandon(account.id, "k")
    assert await house.idempotency.begin(account.id, "k", OTHER) is None


async def test_an_answered_key_is_not_abandoned(house: House) -> None:
    account = await house.account()
    await house.idempotency.begin(account.id, "k", ONE)
    await house.idempotency.complete(account.id, "k", ANSWER)
    await house.idempotency.abandon(account.id, "k")
    assert await house.idempotency.begin(account.id, "k", ONE) == ANSWER


async def test_keys_of_accounts_are_apart(house: House) -> None:
    account, other = await house.account(), await house.account()
    await house.idempotency.begin(account.id, "k", ONE)
    assert await house.idempotency.begin(other.id, "k", OTHER) is None
    await house.idempotency.abandon(other.id, "k")
    with pytest.raises(IdempotencyInProgress):
        await house.idempotency.begin(account.id, "k", ONE)


async def test_answers_are_kept_for_a_day(house: House) -> None:
    account = await house.account()
    await house.idempotency.begin(account.id, "k", ONE)
    await house.idempotency.complete(account.id, "k", ANSWER)
    house.clock.advance(hours=23, minutes=59)
    assert await house.idempotency.begin(account.id, "k", ONE) == ANSWER
    house.clock.advance(minutes=2)
    assert await house.idempotency.begin(account.id, "k", OTHER) is None


async def test_a_claim_dies_with_whoever_made_it(house: House) -> None:
    account = await house.account()
    await house.idempotency.begin(account.id, "k", ONE)
    house.clock.advance(minutes=11)
    assert await house.idempotency.begin(account.id, "k", ONE) is None


async def test_only_a_claimed_key_is_completed(house: House) -> None:
    account = await house.account()
    with pytest.raises(StateConflict):
        await house.idempotency.complete(account.id, "k", ANSWER)


async def test_a_key_needs_an_account(house: House) -> None:
    with pytest.raises(AccountNotFound):
        await house.idempotency.begin(new_id("ac"), "k", ONE)


async def test_what_has_expired_is_forgotten(house: House) -> None:
    account = await house.account()
    await house.idempotency.begin(account.id, "old", ONE)
    house.clock.advance(hours=1)
    await house.idempotency.begin(account.id, "new", ONE)
    await Idempotency(house.database).purge()
    async with house.database.read() as tx:
        row = await tx.one(select(func.count()).select_from(idempotency_keys))
    assert row[0] == 1
