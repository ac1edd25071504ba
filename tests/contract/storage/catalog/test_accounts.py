"""Accounts and API keys."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from services.common.errors import (
    AccountNotFound,
    ApiKeyNotFound,
    InvalidInput,
    StateConflict,
    Unauthenticated,
)
from services.common.ids import is_id, new_id
from services.gateway.identity import NewApiKey
from services.gateway.permissions import Scope
from services.storage.identity.tables import api_keys
from tests.contract.storage.catalog.conftest import House, new_key


async def test_an_account_is_told_as_it_was_made(house: House) -> None:
    made = await house.accounts.create_account("Ada's")
    assert is_id(made.id, "ac")
    assert made.name == "Ada's"
    assert abs(datetime.now(UTC) - made.created_at) < timedelta(minutes=1)
    assert await house.accounts.account(made.id) == made


async def test_webhook_secrets_have_the_form_and_strength_of_standard_webhooks(
    house: House,
) -> None:
    secrets = [(await house.account()).webhook_secret for _ in range(2)]
    assert secrets[0] != secrets[1]
    assert all(secret.startswith("whsec_") for secret in secrets)
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"))) == 32 for secret in secrets)


async def test_accounts_are_listed_oldest_first(house: House) -> None:
    made = [await house.account() for _ in range(3)]
    listed = await house.accounts.list_accounts()
    assert {account.id for account in listed} == {account.id for account in made}
    assert [account.id for account in listed] == sorted(account.id for account in made)


async def test_an_unknown_account_is_not_found(house: House) -> None:
    with pytest.raises(AccountNotFound):
        await house.accounts.account(new_id("ac"))
    with pytest.raises(AccountNotFound):
        await house.accounts.create_key(new_id("ac"), new_key("first"))


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
async def test_names_are_neither_empty_nor_endless(house: House, name: str) -> None:
    with pytest.raises(InvalidInput):
        await house.accounts.create_account(name)


async def test_a_secret_opens_the_door_of_its_account_alone(house: House) -> None:
    account, other = await house.account(), await house.account()
    key, secret = await house.accounts.create_key(account.id, new_key("first"))
    await house.accounts.create_key(other.id, new_key("first"))
    opened = await house.accounts.authenticate(secret)
    assert (opened.actor_id, opened.account_id) == (key.id, account.id)


async def test_secrets_are_long_and_only_their_hash_is_kept(house: House) -> None:
    account = await house.account()
    key, secret = await house.accounts.create_key(account.id, new_key("first"))
    assert secret.startswith("vk_")
    assert len(secret) >= 3 + 43
    assert secret.startswith(key.prefix)
    assert len(key.prefix) < 12
    async with house.database.read() as tx:
        row = await tx.one(select(api_keys))
    assert row.secret_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in map(str, row)


@pytest.mark.parametrize("secret", ["", "vk_", "vk_guess", "Bearer x", "vk_" + "A" * 43])
async def test_a_guess_opens_nothing(house: House, secret: str) -> None:
    await house.accounts.create_key((await house.account()).id, new_key("first"))
    with pytest.raises(Unauthenticated):
        await house.accounts.authenticate(secret)


async def test_a_revoked_key_opens_nothing_and_others_go_on(house: House) -> None:
    account = await house.account()
    key, secret = await house.accounts.create_key(account.id, new_key("first"))
    other, second = await house.accounts.create_key(account.id, new_key("second"))
    revoked = await house.accounts.revoke_key(account.id, key.id)
    assert revoked.revoked_at is not None
    with pytest.raises(Unauthenticated):
        await house.accounts.authenticate(secret)
    assert (await house.accounts.authenticate(second)).actor_id == other.id


async def test_revoking_twice_keeps_the_first_time(house: House) -> None:
    account = await house.account()
    key, _ = await house.accounts.create_key(account.id, new_key("first"))
    first = await house.accounts.revoke_key(account.id, key.id)
    house.clock.advance(hours=1)
    assert (await house.accounts.revoke_key(account.id, key.id)).revoked_at == first.revoked_at


async def test_keys_of_another_account_are_neither_listed_nor_revoked(house: House) -> None:
    account, other = await house.account(), await house.account()
    key, secret = await house.accounts.create_key(account.id, new_key("first"))
    assert await house.accounts.list_keys(other.id) == []
    with pytest.raises(ApiKeyNotFound):
        await house.accounts.revoke_key(other.id, key.id)
    assert (await house.accounts.authenticate(secret)).actor_id == key.id


async def test_keys_are_listed_newest_first_with_the_revoked_ones(house: House) -> None:
    account = await house.account()
    keys = [(await house.accounts.create_key(account.id, new_key(str(n))))[0] for n in range(3)]
    await house.accounts.revoke_key(account.id, keys[0].id)
    listed = await house.accounts.list_keys(account.id)
    assert [key.id for key in listed] == sorted((key.id for key in keys), reverse=True)


async def test_the_last_use_is_told_to_the_minute(house: House) -> None:
    account = await house.account()
    made, secret = await house.accounts.create_key(account.id, new_key("first"))
    assert made.last_used_at is None
    await house.accounts.authenticate(secret)
    first = (await house.accounts.key(account.id, made.id)).last_used_at
    assert first is not None
    assert (first.second, first.microsecond) == (0, 0)
    house.clock.advance(minutes=10)
    await house.accounts.authenticate(secret)
    (listed,) = await house.accounts.list_keys(account.id)
    assert listed.last_used_at == first + timedelta(minutes=10)


async def test_a_key_may_do_what_it_was_made_for(house: House) -> None:
    account = await house.account()
    new = NewApiKey("player", ("videos:read", "streams:read", "videos:read"), "us_1")
    key, secret = await house.accounts.create_key(account.id, new)
    assert (key.scopes, key.created_by) == (("streams:read", "videos:read"), "us_1")
    caller = await house.accounts.authenticate(secret)
    assert caller.scopes == {Scope.STREAMS_READ, Scope.VIDEOS_READ}
    _, everything = await house.accounts.create_key(account.id, new_key("all"))
    assert (await house.accounts.authenticate(everything)).scopes == frozenset(Scope)


@pytest.mark.parametrize(
    "scopes", [(), ("videos",), ("videos:admin",), ("*", "x"), ("Videos:read",)]
)
async def test_what_is_no_scope_is_refused(house: House, scopes: tuple[str, ...]) -> None:
    account = await house.account()
    with pytest.raises(InvalidInput):
        await house.accounts.create_key(account.id, NewApiKey("k", scopes, "us_1"))


async def test_a_key_ends_when_its_time_is_over(house: House) -> None:
    account = await house.account()
    until = datetime.now(UTC) + timedelta(hours=1)
    key, secret = await house.accounts.create_key(account.id, NewApiKey("k", ("*",), "us_1", until))
    assert key.expires_at == until
    assert (await house.accounts.authenticate(secret)).until == until
    house.clock.advance(hours=1)
    with pytest.raises(Unauthenticated):
        await house.accounts.authenticate(secret)
    with pytest.raises(InvalidInput):
        await house.accounts.create_key(account.id, NewApiKey("k", ("*",), "us_1", until))


async def test_a_rotated_key_has_two_secrets_for_a_while(house: House) -> None:
    account = await house.account()
    key, first = await house.accounts.create_key(account.id, new_key("first"))
    rotated, second = await house.accounts.rotate_key(account.id, key.id, overlap_s=3600)
    assert (rotated.id, rotated.name, rotated.scopes) == (key.id, key.name, key.scopes)
    assert second.startswith(rotated.prefix)
    assert second != first
    old = await house.accounts.authenticate(first)
    assert (old.actor_id, old.until) == (key.id, rotated.rotated_until)
    assert (await house.accounts.authenticate(second)).until is None
    house.clock.advance(hours=1)
    with pytest.raises(Unauthenticated):
        await house.accounts.authenticate(first)
    assert (await house.accounts.authenticate(second)).actor_id == key.id


async def test_rotating_again_ends_the_oldest_secret_at_once(house: House) -> None:
    account = await house.account()
    key, first = await house.accounts.create_key(account.id, new_key("first"))
    _, second = await house.accounts.rotate_key(account.id, key.id, overlap_s=3600)
    _, third = await house.accounts.rotate_key(account.id, key.id, overlap_s=0)
    for ended in (first, second):
        with pytest.raises(Unauthenticated):
            await house.accounts.authenticate(ended)
    assert (await house.accounts.authenticate(third)).actor_id == key.id


async def test_a_key_that_has_ended_or_is_anothers_is_not_rotated(house: House) -> None:
    account, other = await house.account(), await house.account()
    key, _ = await house.accounts.create_key(account.id, new_key("first"))
    with pytest.raises(ApiKeyNotFound):
        await house.accounts.rotate_key(other.id, key.id, overlap_s=0)
    with pytest.raises(ApiKeyNotFound):
        await house.accounts.key(other.id, key.id)
    for overlap_s in (-1, 7 * 86_400 + 1):
        with pytest.raises(InvalidInput):
            await house.accounts.rotate_key(account.id, key.id, overlap_s=overlap_s)
    await house.accounts.revoke_key(account.id, key.id)
    with pytest.raises(StateConflict):
        await house.accounts.rotate_key(account.id, key.id, overlap_s=0)
