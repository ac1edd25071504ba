"""People: codes, sign-up, sessions, members."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from services.common.errors import (
    AccountNotFound,
    CodeInvalid,
    InvalidInput,
    MemberNotFound,
    Overloaded,
    PersonNotFound,
    SessionNotFound,
    StateConflict,
    Unauthenticated,
)
from services.common.ids import is_id
from services.gateway.identity import AccountKind, Membership, NewPerson, Session
from services.gateway.permissions import SCOPES_OF_ROLE, Role
from services.storage.identity.tables import codes, people
from tests.contract.storage.catalog.conftest import House, open_house

ADA, EVE, BOB = "+8613800138000", "+442071838750", "+14155552671"


async def sign_up(
    house: House, phone: str = ADA, kind: AccountKind = AccountKind.ENTERPRISE
) -> tuple[Session, str]:
    house.clock.advance(minutes=1)
    code = await house.people.make_code(phone, "sign_up")
    return await house.people.sign_up(NewPerson(phone), code, kind=kind, name="Ada's")


async def sign_in(house: House, phone: str, account_id: str = "") -> tuple[Session, str]:
    house.clock.advance(minutes=1)
    code = await house.people.make_code(phone, "sign_in")
    return await house.people.sign_in(phone, code, account_id=account_id)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


async def test_who_signs_up_owns_a_new_account(house: House) -> None:
    code = await house.people.make_code(ADA, "sign_up")
    assert len(code) == 6
    assert code.isdigit()
    new = NewPerson(ADA, "Ada", "ada@example.org")
    session, token = await house.people.sign_up(new, code, kind=AccountKind.PERSONAL, name="Mine")
    assert is_id(session.person_id, "us")
    account = await house.accounts.account(session.account_id)
    assert (account.name, account.kind) == ("Mine", AccountKind.PERSONAL)
    person = await house.people.person(session.person_id)
    assert (person.phone, person.user_name, person.email) == (ADA, "Ada", "ada@example.org")
    assert person.memberships == (Membership(account.id, "Mine", Role.OWNER),)
    caller = await house.accounts.authenticate(token)
    assert (caller.account_id, caller.actor_id) == (account.id, person.id)
    assert (caller.role, caller.scopes) == (Role.OWNER, SCOPES_OF_ROLE[Role.OWNER])
    assert caller.session_id == session.id


async def test_nothing_of_a_person_lies_open_in_the_database(house: House) -> None:
    code = await house.people.make_code(ADA, "sign_up")
    new = NewPerson(ADA, "Ada", "ada@example.org")
    await house.people.sign_up(new, code, kind=AccountKind.ENTERPRISE, name="x")
    async with house.database.read() as tx:
        rows = [str(row) for table in (people, codes) for row in await tx.all(select(table))]
    for hidden in (ADA, ADA[3:], "Ada", "ada@", code):
        assert not any(hidden in row for row in rows)


async def test_a_phone_has_many_accounts_and_names_one_to_sign_in(house: House) -> None:
    first, _ = await sign_up(house)
    second, _ = await sign_up(house)
    assert first.person_id == second.person_id
    with pytest.raises(InvalidInput, match=first.account_id):
        await sign_in(house, ADA)
    session, _ = await sign_in(house, ADA, first.account_id)
    assert (session.account_id, session.person_id) == (first.account_id, first.person_id)


async def test_who_has_no_account_or_names_anothers_is_told_the_same(house: House) -> None:
    owner, _ = await sign_up(house, ADA)
    await sign_up(house, EVE)
    said = []
    for phone, account_id in ((BOB, ""), (EVE, owner.account_id), (BOB, "ac_none")):
        with pytest.raises(AccountNotFound) as raised:
            await sign_in(house, phone, account_id)
        said.append(str(raised.value))
    assert len(set(said)) == 1


@pytest.mark.parametrize("told", ["", "123", "abcdef", "１２３４５６"])
async def test_what_is_no_code_is_refused(house: House, told: str) -> None:
    await house.people.make_code(ADA, "sign_up")
    with pytest.raises(CodeInvalid):
        await house.people.sign_up(NewPerson(ADA), told, kind=AccountKind.PERSONAL, name="x")


async def test_a_code_is_good_once_for_its_phone_and_purpose(house: House) -> None:
    code = await house.people.make_code(ADA, "sign_up")
    kind = AccountKind.PERSONAL
    with pytest.raises(CodeInvalid):
        await house.people.sign_in(ADA, code)
    with pytest.raises(CodeInvalid):
        await house.people.sign_up(NewPerson(EVE), code, kind=kind, name="x")
    await house.people.sign_up(NewPerson(ADA), code, kind=kind, name="x")
    with pytest.raises(CodeInvalid):
        await house.people.sign_up(NewPerson(ADA), code, kind=kind, name="x")


async def test_a_code_is_good_for_five_minutes(house: House) -> None:
    code = await house.people.make_code(ADA, "sign_up")
    house.clock.advance(minutes=5)
    with pytest.raises(CodeInvalid):
        await house.people.sign_up(NewPerson(ADA), code, kind=AccountKind.PERSONAL, name="x")


async def test_five_wrong_tries_end_a_code(house: House) -> None:
    code = await house.people.make_code(ADA, "sign_up")
    for told in [wrong(code)] * 5 + [code]:
        with pytest.raises(CodeInvalid):
            await house.people.sign_up(NewPerson(ADA), told, kind=AccountKind.PERSONAL, name="x")


async def test_guesses_at_once_count_as_guesses_one_by_one(url: URL) -> None:
    async with open_house(url) as one, open_house(url) as two:
        code = await one.people.make_code(ADA, "sign_up")
        tries = [
            house.people.sign_up(NewPerson(ADA), told, kind=AccountKind.PERSONAL, name="x")
            for told in [wrong(code)] * 5
            for house in (one, two)
        ]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert all(isinstance(result, CodeInvalid) for result in results)
        async with one.database.read() as tx:
            assert (await tx.one(select(codes.c.tries))).tries == 5
        with pytest.raises(CodeInvalid):
            await two.people.sign_up(NewPerson(ADA), code, kind=AccountKind.PERSONAL, name="x")


async def test_a_code_is_used_once_among_replicas(url: URL) -> None:
    async with open_house(url) as one, open_house(url) as two:
        code = await one.people.make_code(ADA, "sign_up")
        tries = [
            house.people.sign_up(NewPerson(ADA), code, kind=AccountKind.PERSONAL, name="x")
            for house in (one, two, one, two)
        ]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert [type(result) for result in results].count(CodeInvalid) == 3


async def test_the_newest_code_alone_is_good(house: House) -> None:
    first = await house.people.make_code(ADA, "sign_up")
    house.clock.advance(minutes=1)
    second = await house.people.make_code(ADA, "sign_up")
    if first != second:
        with pytest.raises(CodeInvalid):
            await house.people.sign_up(NewPerson(ADA), first, kind=AccountKind.PERSONAL, name="x")
    await house.people.sign_up(NewPerson(ADA), second, kind=AccountKind.PERSONAL, name="x")


async def test_a_phone_gets_one_code_a_minute_and_five_an_hour(house: House) -> None:
    await house.people.make_code(ADA, "sign_in")
    with pytest.raises(Overloaded) as raised:
        await house.people.make_code(ADA, "sign_up")
    assert 0 < (raised.value.retry_after_s or 0) <= 60
    await house.people.make_code(EVE, "sign_in")
    for _ in range(4):
        house.clock.advance(minutes=1)
        await house.people.make_code(ADA, "sign_in")
    house.clock.advance(minutes=1)
    with pytest.raises(Overloaded) as raised:
        await house.people.make_code(ADA, "sign_in")
    assert 3000 < (raised.value.retry_after_s or 0) <= 3600
    house.clock.advance(minutes=55)
    await house.people.make_code(ADA, "sign_in")


async def test_of_codes_that_are_asked_for_at_once_one_is_made(url: URL) -> None:
    async with open_house(url) as one, open_house(url) as two:
        asked = [house.people.make_code(ADA, "sign_in") for house in [one, two] * 3]
        made = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(result) for result in made].count(Overloaded) == 5


async def test_old_codes_are_not_kept(house: House) -> None:
    await house.people.make_code(ADA, "sign_in")
    house.clock.advance(hours=1)
    await house.people.make_code(EVE, "sign_in")
    async with house.database.read() as tx:
        assert (await tx.one(select(func.count()).select_from(codes)))[0] == 1


@pytest.mark.parametrize("phone", ["", "13800138000", "+0123456", "+12", "+86 13800138000", "us_1"])
async def test_what_is_no_phone_is_refused(house: House, phone: str) -> None:
    with pytest.raises(InvalidInput):
        await house.people.make_code(phone, "sign_in")


async def test_a_person_says_who_they_are_and_takes_it_back(house: House) -> None:
    session, _ = await sign_up(house)
    told = await house.people.update_person(session.person_id, user_name="Ada", email="a@b.org")
    assert (told.user_name, told.email) == ("Ada", "a@b.org")
    kept = await house.people.update_person(session.person_id, email="")
    assert (kept.user_name, kept.email) == ("Ada", "")
    for long in ({"user_name": "x" * 101}, {"email": "x" * 255}):
        with pytest.raises(InvalidInput):
            await house.people.update_person(session.person_id, **long)
    with pytest.raises(PersonNotFound):
        await house.people.update_person("us_none", user_name="x")


async def test_a_new_phone_takes_the_place_of_the_old_one(house: House) -> None:
    session, _ = await sign_up(house)
    house.clock.advance(minutes=1)
    old = await house.people.make_code(ADA, "old_phone")
    code = await house.people.make_code(BOB, "new_phone")
    # Whoever has the session alone has no code of the present phone.
    for shown in (code, wrong(old)):
        with pytest.raises(CodeInvalid):
            await house.people.change_phone(session.person_id, BOB, code, old_code=shown)
    changed = await house.people.change_phone(session.person_id, BOB, code, old_code=old)
    assert changed.phone == BOB
    again, _ = await sign_in(house, BOB)
    assert again.person_id == session.person_id
    with pytest.raises(AccountNotFound):
        await sign_in(house, ADA)


async def test_nobody_takes_a_phone_that_is_somebodys(house: House) -> None:
    session, _ = await sign_up(house, ADA)
    await sign_up(house, EVE)
    house.clock.advance(minutes=1)
    old = await house.people.make_code(ADA, "old_phone")
    code = await house.people.make_code(EVE, "new_phone")
    with pytest.raises(StateConflict):
        await house.people.change_phone(session.person_id, EVE, code, old_code=old)
    assert (await house.people.person(session.person_id)).phone == ADA


async def test_a_session_ends_when_it_is_idle_or_too_old(house: House) -> None:
    _, token = await sign_up(house)
    for _ in range(13):
        house.clock.advance(hours=11)
        await house.accounts.authenticate(token)
    house.clock.advance(hours=12)
    with pytest.raises(Unauthenticated):
        await house.accounts.authenticate(token)
    _, token = await sign_in(house, ADA)
    for _ in range(15):
        house.clock.advance(hours=11)
        await house.accounts.authenticate(token)
    house.clock.advance(hours=3)
    with pytest.raises(Unauthenticated):
        await house.accounts.authenticate(token)


async def test_sessions_are_listed_and_ended(house: House) -> None:
    first, one = await sign_up(house)
    second, two = await sign_in(house, ADA)
    third, three = await sign_in(house, ADA)
    stranger, _ = await sign_up(house, EVE)
    listed = await house.people.sessions(first.person_id)
    assert [each.id for each in listed] == [third.id, second.id, first.id]
    with pytest.raises(SessionNotFound):
        await house.people.end_session(stranger.person_id, first.id)
    await house.people.end_session(first.person_id, first.id)
    with pytest.raises(SessionNotFound):
        await house.people.end_session(first.person_id, first.id)
    with pytest.raises(Unauthenticated):
        await house.accounts.authenticate(one)
    await house.people.end_sessions(first.person_id, but=third.id)
    with pytest.raises(Unauthenticated):
        await house.accounts.authenticate(two)
    assert (await house.accounts.authenticate(three)).session_id == third.id


async def test_who_is_invited_joins_by_signing_in(house: House) -> None:
    owner, _ = await sign_up(house)
    invited = await house.people.invite(
        owner.account_id, EVE, Role.REVIEWER, invited_by=owner.person_id
    )
    assert (invited.phone, invited.role, invited.invited) == (EVE, Role.REVIEWER, True)
    session, token = await sign_in(house, EVE)
    assert session.account_id == owner.account_id
    caller = await house.accounts.authenticate(token)
    assert (caller.role, caller.scopes) == (Role.REVIEWER, SCOPES_OF_ROLE[Role.REVIEWER])
    members = await house.people.members(owner.account_id)
    assert [(member.id, member.role, member.invited) for member in members] == [
        (owner.person_id, Role.OWNER, False),
        (session.person_id, Role.REVIEWER, False),
    ]


async def test_an_invitation_lasts_seven_days_and_the_last_one_holds(house: House) -> None:
    owner, _ = await sign_up(house)
    for role in (Role.OWNER, Role.AUDITOR):
        await house.people.invite(owner.account_id, EVE, role, invited_by=owner.person_id)
    _, invited = await house.people.members(owner.account_id)
    assert invited.role is Role.AUDITOR
    house.clock.advance(days=7)
    assert len(await house.people.members(owner.account_id)) == 1
    with pytest.raises(AccountNotFound):
        await sign_in(house, EVE)


async def test_an_invitation_is_changed_and_taken_back(house: House) -> None:
    owner, _ = await sign_up(house)
    invited = await house.people.invite(owner.account_id, EVE, Role.OWNER, invited_by="us_1")
    changed = await house.people.change_member(owner.account_id, invited.id, Role.DEVELOPER)
    assert (changed.role, changed.invited) == (Role.DEVELOPER, True)
    await house.people.remove_member(owner.account_id, invited.id)
    with pytest.raises(AccountNotFound):
        await sign_in(house, EVE)


async def test_members_and_personal_accounts_take_no_invitation(house: House) -> None:
    owner, _ = await sign_up(house)
    with pytest.raises(StateConflict):
        await house.people.invite(owner.account_id, ADA, Role.AUDITOR, invited_by="us_1")
    alone, _ = await sign_up(house, EVE, AccountKind.PERSONAL)
    with pytest.raises(StateConflict):
        await house.people.invite(alone.account_id, ADA, Role.AUDITOR, invited_by="us_1")


async def test_another_role_holds_at_the_next_call(house: House) -> None:
    owner, _ = await sign_up(house)
    await house.people.invite(owner.account_id, EVE, Role.DEVELOPER, invited_by="us_1")
    session, token = await sign_in(house, EVE)
    await house.people.change_member(owner.account_id, session.person_id, Role.AUDITOR)
    assert (await house.accounts.authenticate(token)).role is Role.AUDITOR


async def test_the_last_owner_stays(house: House) -> None:
    owner, token = await sign_up(house)
    with pytest.raises(StateConflict):
        await house.people.change_member(owner.account_id, owner.person_id, Role.AUDITOR)
    with pytest.raises(StateConflict):
        await house.people.remove_member(owner.account_id, owner.person_id)
    assert (await house.accounts.authenticate(token)).role is Role.OWNER


async def test_of_two_owners_who_leave_at_once_one_stays(url: URL) -> None:
    async with open_house(url) as one, open_house(url) as two:
        owner, _ = await sign_up(one)
        await one.people.invite(owner.account_id, EVE, Role.OWNER, invited_by="us_1")
        other, _ = await sign_in(one, EVE)
        left = await asyncio.gather(
            one.people.remove_member(owner.account_id, owner.person_id),
            two.people.remove_member(owner.account_id, other.person_id),
            return_exceptions=True,
        )
        assert [type(result) for result in left if result] == [StateConflict]
        assert len(await one.people.members(owner.account_id)) == 1


async def test_who_is_removed_is_out_at_once_and_forgotten_when_alone(house: House) -> None:
    owner, _ = await sign_up(house)
    await house.people.invite(owner.account_id, EVE, Role.DEVELOPER, invited_by="us_1")
    session, token = await sign_in(house, EVE)
    await house.people.remove_member(owner.account_id, session.person_id)
    with pytest.raises(Unauthenticated):
        await house.accounts.authenticate(token)
    with pytest.raises(PersonNotFound):
        await house.people.person(session.person_id)


async def test_who_acts_for_another_account_is_not_forgotten(house: House) -> None:
    owner, _ = await sign_up(house)
    await house.people.invite(owner.account_id, EVE, Role.DEVELOPER, invited_by="us_1")
    other, token = await sign_up(house, EVE)
    await sign_in(house, EVE, owner.account_id)
    await house.people.remove_member(owner.account_id, other.person_id)
    (membership,) = (await house.people.person(other.person_id)).memberships
    assert membership.account_id == other.account_id
    assert (await house.accounts.authenticate(token)).role is Role.OWNER


async def test_another_accounts_members_do_not_exist(house: House) -> None:
    owner, _ = await sign_up(house)
    stranger, _ = await sign_up(house, EVE)
    invited = await house.people.invite(owner.account_id, BOB, Role.OWNER, invited_by="us_1")
    for member_id in (owner.person_id, invited.id, "us_none"):
        with pytest.raises(MemberNotFound):
            await house.people.change_member(stranger.account_id, member_id, Role.AUDITOR)
        with pytest.raises(MemberNotFound):
            await house.people.remove_member(stranger.account_id, member_id)
    assert [member.id for member in await house.people.members(stranger.account_id)] == [
        stranger.person_id
    ]


async def test_a_guessed_token_opens_nothing(house: House) -> None:
    await sign_up(house)
    for token in ("vs_", "vs_guess", "vs_" + "A" * 43):
        with pytest.raises(Unauthenticated):
            await house.accounts.authenticate(token)
