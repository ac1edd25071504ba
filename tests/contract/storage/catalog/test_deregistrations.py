"""The end of accounts: asked for, taken back, carried out and proved."""

from __future__ import annotations

import asyncio
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from services.common.errors import (
    AccountClosing,
    AccountNotFound,
    CodeInvalid,
    Forbidden,
    KeyErased,
    NotFound,
    PersonNotFound,
    StateConflict,
    Unauthenticated,
    Unavailable,
)
from services.gateway.consents import NewConsent
from services.gateway.identity import Deregistration, Session
from services.gateway.permissions import Role
from services.gateway.records import StreamStatus
from services.storage.identity.erasure import KEPT
from services.storage.tables import metadata
from tests.contract.storage.catalog.conftest import House, new_key, open_house
from tests.contract.storage.catalog.test_people import ADA, BOB, EVE, sign_in, sign_up


async def deregister(house: House, owner: Session) -> tuple[Deregistration, str]:
    house.clock.advance(minutes=1)
    code = await house.people.make_code(ADA, "deregistration")
    return await house.accounts.deregister(
        owner.account_id, owner.person_id, code, reason="We are done."
    )


async def fill(house: House, account_id: str) -> None:
    """Makes one of everything that hangs on an account."""
    await house.video(account_id)
    await house.stream(account_id)
    await house.idempotency.begin(account_id, "k", "1" * 64)
    await house.accounts.create_key(account_id, new_key("k"))
    await house.consents.create(account_id, NewConsent("Ada", ("avatar",), "Signed.", "key_1"))
    await house.people.invite(account_id, BOB, Role.AUDITOR, invited_by="us_1")


async def rows_of(house: House, account_id: str) -> dict[str, int]:
    """How many rows name the account, by table."""
    found: dict[str, int] = {}
    async with house.database.read() as tx:
        for table in metadata.sorted_tables:
            if "account_id" in table.c:
                mine = table.c["account_id"] == account_id
                count = await tx.one(select(func.count()).select_from(table).where(mine))
                found |= {table.name: count[0]} if count[0] else {}
    return found


async def test_nothing_new_is_made_while_an_account_closes(house: House) -> None:
    owner, token = await sign_up(house)
    account = owner.account_id
    avatar, new_video = await house.avatar(account), await house.new_video(account)
    stream = await house.stream(account)
    _, secret = await house.accounts.create_key(account, new_key("k"))
    end, _ = await deregister(house, owner)
    assert (end.requested_by, (end.erases_at - end.requested_at).days) == (owner.person_id, 15)
    assert (await house.accounts.account(account)).erases_at == end.erases_at
    assert await house.accounts.deregistration(account) == end
    for bearer in (secret, token):
        assert (await house.accounts.authenticate(bearer)).closing
    for made in (
        house.videos.create(account, new_video),
        house.streams.create(account, stream.spec),
        house.accounts.create_key(account, new_key("k")),
        house.asset(account),
        house.preparing(account),
    ):
        with pytest.raises(AccountClosing):
            await made
    ended = await house.streams.get(account, stream.id)
    assert (ended.status, ended.reason) == (StreamStatus.ENDED, "account_closing")
    assert (await house.avatars.get(account, avatar.id)).id == avatar.id
    await house.avatars.delete(account, avatar.id)


async def test_it_is_taken_back_within_its_time(house: House) -> None:
    owner, token = await sign_up(house)
    await deregister(house, owner)
    with pytest.raises(StateConflict):
        await deregister(house, owner)
    await house.accounts.cancel_deregistration(owner.account_id)
    with pytest.raises(NotFound):
        await house.accounts.cancel_deregistration(owner.account_id)
    assert not (await house.accounts.authenticate(token)).closing
    await house.video(owner.account_id)
    house.clock.advance(days=16)
    await house.identity.deregistrations.erase_due()
    assert (await house.accounts.account(owner.account_id)).erases_at is None


async def test_when_its_time_is_over_it_is_too_late(house: House) -> None:
    owner, _ = await sign_up(house)
    await deregister(house, owner)
    house.clock.advance(days=15)
    with pytest.raises(StateConflict):
        await house.accounts.cancel_deregistration(owner.account_id)


async def test_an_owner_alone_ends_an_account_with_a_fresh_code(house: House) -> None:
    owner, _ = await sign_up(house)
    await house.people.invite(owner.account_id, EVE, Role.DEVELOPER, invited_by="us_1")
    member, _ = await sign_in(house, EVE)
    house.clock.advance(minutes=1)
    code = await house.people.make_code(EVE, "deregistration")
    with pytest.raises(Forbidden):
        await house.accounts.deregister(owner.account_id, member.person_id, code, reason="")
    with pytest.raises(CodeInvalid):
        await house.accounts.deregister(owner.account_id, owner.person_id, code, reason="")
    stranger, _ = await sign_up(house, BOB)
    house.clock.advance(minutes=1)
    code = await house.people.make_code(BOB, "deregistration")
    with pytest.raises(Forbidden):
        await house.accounts.deregister(owner.account_id, stranger.person_id, code, reason="")
    with pytest.raises(NotFound):
        await house.accounts.deregistration(owner.account_id)


async def test_all_of_an_account_is_erased_and_nothing_of_another(house: House) -> None:
    owner, token = await sign_up(house)
    account, other = owner.account_id, await house.account()
    await fill(house, account)
    await fill(house, other.id)
    _, secret = await house.accounts.create_key(account, new_key("k"))
    before, mine = await rows_of(house, other.id), await rows_of(house, account)
    kept_objects = {ref for ref in house.objects.kept if ref.key.startswith(f"{other.id}/")}
    _, receipt = await deregister(house, owner)
    with pytest.raises(StateConflict):
        await house.accounts.certify_erasure(receipt)
    house.clock.advance(days=15)
    house.objects.down = True
    await house.identity.deregistrations.erase_due()
    with pytest.raises(Unavailable):
        await house.accounts.certify_erasure(receipt)
    house.objects.down = False
    house.clock.advance(minutes=1)
    await house.erasures.work_off()
    assert house.objects.kept == kept_objects
    assert await rows_of(house, other.id) == before
    assert set(await rows_of(house, account)) <= KEPT
    assert len(set(mine) - KEPT) > 5
    for bearer in (secret, token):
        with pytest.raises(Unauthenticated):
            await house.accounts.authenticate(bearer)
    with pytest.raises(AccountNotFound):
        await house.accounts.account(account)
    assert account not in [each.id for each in await house.accounts.list_accounts()]
    with pytest.raises(PersonNotFound):
        await house.people.person(owner.person_id)


async def test_the_tombstone_keeps_an_id_and_dates(house: House) -> None:
    owner, _ = await sign_up(house)
    async with house.database.write() as tx:
        sealed = await house.vault.seal(tx, owner.account_id, "secret", field="x")
    await deregister(house, owner)
    house.clock.advance(days=15)
    await house.identity.deregistrations.erase_due()
    accounts, ends = metadata.tables["accounts"], metadata.tables["deregistrations"]
    async with house.database.read() as tx:
        row = await tx.one(select(accounts).where(accounts.c.id == owner.account_id))
        end = await tx.one(select(ends))
        with pytest.raises(KeyErased):
            await house.vault.unseal(tx, owner.account_id, sealed, field="x")
    assert (row.name, row.webhook_secret) == ("", "")
    assert row.erased_at is not None
    assert (end.reason, end.erased_at is None) == ("", False)


async def test_the_certificate_proves_what_was_erased(house: House) -> None:
    owner, _ = await sign_up(house)
    await fill(house, owner.account_id)
    _, receipt = await deregister(house, owner)
    house.clock.advance(days=15)
    await house.identity.deregistrations.erase_due()
    await house.erasures.work_off()
    made = await house.accounts.certify_erasure(receipt)
    key = Ed25519PublicKey.from_public_bytes(made.public_key)
    key.verify(made.signature, made.statement)
    told = json.loads(made.statement)
    assert (told["type"], told["account_id"]) == ("account_erasure", owner.account_id)
    assert (told["people"], told["rows"]["videos"]) == (1, 1)
    assert told["objects"]
    with pytest.raises(NotFound):
        await house.accounts.certify_erasure("vr_guess")


async def test_people_who_act_for_another_account_stay(house: House) -> None:
    owner, _ = await sign_up(house)
    other, _ = await sign_up(house)
    await deregister(house, owner)
    house.clock.advance(days=15)
    await house.identity.deregistrations.erase_due()
    (membership,) = (await house.people.person(owner.person_id)).memberships
    assert membership.account_id == other.account_id
    session, _ = await sign_in(house, ADA)
    assert session.account_id == other.account_id


async def test_of_replicas_that_look_at_once_one_erases(url: URL) -> None:
    async with open_house(url) as one, open_house(url) as two:
        owner, _ = await sign_up(one)
        _, receipt = await deregister(one, owner)
        for house in (one, two):
            house.clock.advance(days=20)
        await asyncio.gather(
            *(house.identity.deregistrations.erase_due() for house in (one, two, one, two))
        )
        told = json.loads((await one.accounts.certify_erasure(receipt)).statement)
        assert told["people"] == 1


def test_what_outlives_an_account_is_named() -> None:
    """A new table is erased with its account, unless it can't be told whose its rows are."""
    owned = {
        table.name
        for table in metadata.sorted_tables
        if "account_id" in table.c
        or any("account_id" in key.column.table.c for key in table.foreign_keys)
    }
    ownerless = {table.name for table in metadata.sorted_tables} - owned - KEPT
    of_the_operator = {"notices", "privacy_policies", "shutdowns", "sweeper_turns", "sweeps"}
    assert ownerless == {"codes", "people"} | of_the_operator
