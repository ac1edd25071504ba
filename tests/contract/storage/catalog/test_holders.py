"""Holders of accounts who are minors: told, kept sealed, of age in time, gone with the account."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from services.common.errors import AccountNotFound, InvalidInput, NotFound, StateConflict
from services.gateway.identity import AccountKind, NewPerson, Session
from services.gateway.subjects import Guardian
from services.storage.identity.tables import minor_holders
from tests.contract.storage.catalog.conftest import House
from tests.contract.storage.catalog.test_people import ADA

MOTHER = Guardian("Anne Lovelace", "mother", "She signed the form.")


async def sign_up(
    house: House, birth_year: int | None, kind: AccountKind = AccountKind.PERSONAL
) -> Session:
    house.clock.advance(minutes=1)
    code = await house.people.make_code(ADA, "sign_up")
    session, _ = await house.people.sign_up(
        NewPerson(ADA), code, kind=kind, name="Ada's", birth_year=birth_year
    )
    return session


async def lacks_guardian(house: House, account_id: str) -> bool:
    return (await house.standings.standing(account_id)).lacks_guardian


async def test_a_minor_signs_up_and_a_guardian_consents(house: House) -> None:
    year = (datetime.now(UTC) + house.clock.ahead).year
    mine = await sign_up(house, year - 16)
    account = mine.account_id
    assert await lacks_guardian(house, account)
    holder = await house.accounts.minor_holder(account)
    told = (holder.minor, holder.birth_year, holder.guardian, holder.told_by)
    assert told == (True, year - 16, None, mine.person_id)

    for guardian, lacks in ((MOTHER, False), (None, True), (MOTHER, False)):
        holder = await house.accounts.set_minor_holder(
            account, birth_year=year - 15, guardian=guardian, told_by="us_1"
        )
        assert (holder.birth_year, holder.guardian, holder.told_by) == (year - 15, guardian, "us_1")
        assert await house.accounts.minor_holder(account) == holder
        assert await lacks_guardian(house, account) is lacks
    assert not (await house.standings.standing("")).lacks_guardian
    async with house.database.read() as tx:
        row = await tx.one(select(minor_holders))
    assert MOTHER.name not in str(row)
    assert str(year - 15) not in row.details


async def test_a_minor_comes_of_age_when_the_year_is_told(house: House) -> None:
    year = (datetime.now(UTC) + house.clock.ahead).year
    account = (await sign_up(house, year - 18)).account_id
    other = (await sign_up(house, None)).account_id
    await house.accounts.set_minor_holder(other, birth_year=None, guardian=None, told_by="us_1")
    assert await lacks_guardian(house, account)
    house.clock.advance(days=366)
    assert not await lacks_guardian(house, account)
    assert not (await house.accounts.minor_holder(account)).minor
    assert await lacks_guardian(house, other)


async def test_of_adults_nothing_is_kept(house: House) -> None:
    year = (datetime.now(UTC) + house.clock.ahead).year
    for born in (year - 19, None):
        account = (await sign_up(house, born)).account_id
        assert not await lacks_guardian(house, account)
        with pytest.raises(NotFound):
            await house.accounts.minor_holder(account)


async def test_what_can_not_be_is_refused(house: House) -> None:
    year = (datetime.now(UTC) + house.clock.ahead).year
    for born, kind in (
        (year + 1, AccountKind.PERSONAL),
        (1800, AccountKind.PERSONAL),
        (year - 16, AccountKind.ENTERPRISE),
    ):
        with pytest.raises(InvalidInput):
            await sign_up(house, born, kind)
    mine = (await sign_up(house, None)).account_id
    for wrong in (year + 1, year - 19):
        with pytest.raises(InvalidInput):
            await house.accounts.set_minor_holder(
                mine, birth_year=wrong, guardian=None, told_by="us_1"
            )
    with pytest.raises(InvalidInput):
        await house.accounts.set_minor_holder(
            mine, birth_year=None, guardian=Guardian("Anne", "", "Signed."), told_by="us_1"
        )
    firm = (await sign_up(house, None, AccountKind.ENTERPRISE)).account_id
    with pytest.raises(StateConflict):
        await house.accounts.set_minor_holder(firm, birth_year=None, guardian=None, told_by="us_1")
    with pytest.raises(AccountNotFound):
        await house.accounts.set_minor_holder(
            "ac_none", birth_year=None, guardian=None, told_by="us_1"
        )
