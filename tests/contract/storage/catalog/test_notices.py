"""Notices, privacy policies and the service's end, over time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.common.errors import (
    AccountNotFound,
    InvalidInput,
    NoticeNotFound,
    PrivacyPolicyNotFound,
    StateConflict,
)
from services.gateway.identity import AccountKind, NewPerson
from services.gateway.notices import (
    Audience,
    Channel,
    LeasedDelivery,
    NewNotice,
    NoticeKind,
    NoticeText,
)
from services.gateway.records import StreamStatus
from services.gateway.standing import ChangeKind, NewPrivacyPolicy, PolicyChange, ShutdownPhase
from tests.contract.storage.catalog.conftest import House

TOLD = {"en": NoticeText("Keys leaked", "A backup was lost.", remedies="Rotate your keys.")}
LEASE = timedelta(minutes=10)


def incident(**audience: object) -> NewNotice:
    return NewNotice(NoticeKind.INCIDENT, TOLD, "operator:ada", Audience(**audience))  # type: ignore[arg-type]


def policy(version: str, effective_at: datetime, *kinds: ChangeKind) -> NewPrivacyPolicy:
    changes = tuple(PolicyChange(kind, {"en": f"about {kind}"}) for kind in kinds)
    texts = {"zh": "隐私政策", "en": f"Privacy, {version}"}
    return NewPrivacyPolicy(version, texts, changes, False, effective_at, "operator:ada")


async def awaited(house: House, account_id: str) -> str:
    return (await house.standings.standing(account_id)).policy_to_accept


async def leased(house: House) -> dict[Channel, LeasedDelivery]:
    return {one.channel: one for one in await house.notices.lease(limit=100, lease=LEASE)}


async def test_everybody_is_told_and_reads_for_themselves(house: House) -> None:
    ada, bob = await house.account(), await house.account()
    notice, recipients = await house.notices.send(incident())
    assert recipients == 2
    for account in (ada, bob):
        page = await house.notices.list(account.id, limit=10, cursor="", unread_only=True)
        assert [one.notice for one in page.items] == [notice]
    read = await house.notices.mark_read(ada.id, notice.id, read_by="us_1")
    again = await house.notices.mark_read(ada.id, notice.id, read_by="us_2")
    assert (read.read_by, again) == ("us_1", read)
    page = await house.notices.list(ada.id, limit=10, cursor="", unread_only=True)
    assert page.items == ()
    assert (await house.notices.list(ada.id, limit=10, cursor="", unread_only=False)).items
    sent = await house.notices.get(notice.id)
    assert sent.read_at == {ada.id: read.read_at, bob.id: None}


async def test_a_notice_goes_to_whom_it_is_for(house: House) -> None:
    ada, bob, later = await house.account(), await house.account(), await house.account()
    begun = datetime.now(UTC)
    await house.asset(bob.id)
    house.clock.advance(days=2)
    await house.asset(later.id)
    one, _n = await house.notices.send(incident(account_ids=(ada.id,)))
    assert set((await house.notices.get(one.id)).read_at) == {ada.id}
    window = {"active_from": begun, "active_until": begun + timedelta(days=1)}
    two, _n = await house.notices.send(incident(**window))
    assert set((await house.notices.get(two.id)).read_at) == {bob.id}
    with pytest.raises(NoticeNotFound):
        await house.notices.mark_read(bob.id, one.id, read_by="us_1")
    with pytest.raises(AccountNotFound):
        await house.notices.send(incident(account_ids=(ada.id, "ac_nobody")))


@pytest.mark.parametrize(
    "texts",
    [{}, {"fr": NoticeText("Bonjour")}, {"en": NoticeText(" ")}, {"en": NoticeText("x" * 201)}],
    ids=["none", "french", "blank", "long"],
)
async def test_notices_that_say_nothing_are_refused(
    house: House, texts: dict[str, NoticeText]
) -> None:
    with pytest.raises(InvalidInput):
        await house.notices.send(NewNotice(NoticeKind.OTHER, texts, "operator:ada"))


async def test_deliveries_are_one_senders_until_its_lease_ends(house: House) -> None:
    account = await house.account()
    await house.notices.set_webhook(account.id, "https://example.com/hook?secret=7")
    notice, _n = await house.notices.send(incident())
    many = await asyncio.gather(*(house.notices.lease(limit=10, lease=LEASE) for _ in range(4)))
    (one,) = [delivery for some in many for delivery in some]
    assert (one.addresses, one.notice) == (("https://example.com/hook?secret=7",), notice)
    assert one.webhook_secret == account.webhook_secret
    assert not await house.notices.lease(limit=10, lease=LEASE)
    house.clock.advance(minutes=11)
    (again,) = await house.notices.lease(limit=10, lease=LEASE)
    assert again.id == one.id
    await house.notices.finish(one.id, sent=True, outcome="status 200")
    await house.notices.finish(one.id, sent=False, outcome="late")
    house.clock.advance(minutes=11)
    assert not await house.notices.lease(limit=10, lease=LEASE)
    told = {one.channel: one for one in (await house.notices.get(notice.id)).deliveries}
    assert (told[Channel.WEBHOOK].status, told[Channel.WEBHOOK].outcome) == ("sent", "status 200")
    assert told[Channel.EMAIL].status == "failed"
    assert "e-mail" in told[Channel.EMAIL].outcome


async def test_what_does_not_arrive_is_tried_again_for_three_days(house: House) -> None:
    account = await house.account()
    await house.notices.set_webhook(account.id, "https://example.com/hook")
    notice, _n = await house.notices.send(incident())
    hours = timedelta(hours=23)
    for _ in range(3):
        (one,) = await house.notices.lease(limit=10, lease=LEASE)
        await house.notices.finish(one.id, sent=False, outcome="status 500", retry_after=hours)
        house.clock.advance(hours=23.5)
    (last,) = await house.notices.lease(limit=10, lease=LEASE)
    assert last.attempts == 3
    await house.notices.finish(last.id, sent=False, outcome="status 500", retry_after=hours)
    webhook = next(
        one
        for one in (await house.notices.get(notice.id)).deliveries
        if one.channel is Channel.WEBHOOK
    )
    assert (webhook.status, webhook.attempts) == ("failed", 4)


async def test_owners_are_written_to_and_nobody_else(house: House) -> None:
    code = await house.people.make_code("+8613800138000", "sign_up")
    ada = NewPerson("+8613800138000", "Ada", "ada@example.com")
    session, _token = await house.people.sign_up(
        ada, code, kind=AccountKind.ENTERPRISE, name="Ada's"
    )
    await house.notices.send(incident())
    delivery = (await leased(house))[Channel.EMAIL]
    assert (delivery.account_id, delivery.addresses) == (session.account_id, ("ada@example.com",))


async def test_addresses_lie_sealed(house: House) -> None:
    account = await house.account()
    await house.notices.set_webhook(account.id, "https://example.com/hook?secret=7")
    assert "secret=7" in await house.notices.webhook(account.id)
    async with house.database.read() as tx:
        kept = await tx.one(text("SELECT url FROM notice_webhooks"))
    assert "example" not in kept.url
    await house.notices.set_webhook(account.id, "")
    assert await house.notices.webhook(account.id) == ""


async def test_a_material_version_has_to_be_accepted_once_it_takes_effect(house: House) -> None:
    account, now = await house.account(), datetime.now(UTC)
    assert await awaited(house, account.id) == ""
    with pytest.raises(PrivacyPolicyNotFound):
        await house.standings.privacy_policy("")
    first = await house.standings.publish(policy("1", now + timedelta(days=1)))
    assert first.material
    page = await house.notices.list(account.id, limit=10, cursor="", unread_only=True)
    assert [one.notice.kind for one in page.items] == [NoticeKind.POLICY_CHANGE]
    assert await awaited(house, account.id) == ""
    house.clock.advance(days=1, minutes=1)
    assert await awaited(house, account.id) == "1"
    accepted = await house.standings.accept(account.id, "1", accepted_by="us_1")
    assert await house.standings.accept(account.id, "1", accepted_by="us_2") == accepted
    assert await awaited(house, account.id) == ""

    small = policy("2", now + timedelta(days=2), ChangeKind.OTHER)
    assert not (await house.standings.publish(small)).material
    house.clock.advance(days=1)
    assert await awaited(house, account.id) == ""
    newcomer = await house.account()
    assert await awaited(house, newcomer.id) == "2"
    await house.standings.accept(newcomer.id, "2", accepted_by="us_3")
    assert await awaited(house, newcomer.id) == ""

    for number, kind in enumerate((ChangeKind.PURPOSE, ChangeKind.MEANS, ChangeKind.KIND_OF_DATA)):
        version = str(3 + number)
        changed = policy(version, now + timedelta(days=3 + number), kind, ChangeKind.OTHER)
        assert (await house.standings.publish(changed)).material
        house.clock.advance(days=1)
        assert await awaited(house, account.id) == version
        await house.standings.accept(account.id, version, accepted_by="us_1")
        assert await awaited(house, account.id) == ""
    kept = [one.version for one in await house.standings.acceptances(account.id)]
    assert kept == ["5", "4", "3", "1"]
    listed = await house.standings.privacy_policies()
    assert [one.version for one in listed] == ["5", "4", "3", "2", "1"]
    assert (await house.standings.privacy_policy("1")).texts == first.texts


async def test_of_those_who_publish_or_accept_at_once_one_does(house: House) -> None:
    account, effective = await house.account(), datetime.now(UTC) - timedelta(days=1)
    published = await asyncio.gather(
        *(house.standings.publish(policy("1", effective)) for _ in range(4)),
        return_exceptions=True,
    )
    refused = [one for one in published if isinstance(one, Exception)]
    assert len(refused) == 3
    assert all(isinstance(one, StateConflict) for one in refused)
    accepting = (
        house.standings.accept(account.id, "1", accepted_by=f"us_{one}") for one in range(4)
    )
    first, *others = await asyncio.gather(*accepting)
    assert others == [first] * 3


async def test_versions_never_change(house: House) -> None:
    now = datetime.now(UTC)
    await house.standings.publish(policy("1", now + timedelta(days=2)))
    for again in (policy("1", now + timedelta(days=3)), policy("2", now + timedelta(days=1))):
        with pytest.raises(StateConflict):
            await house.standings.publish(again)
    account = await house.account()
    with pytest.raises(PrivacyPolicyNotFound):
        await house.standings.accept(account.id, "9", accepted_by="us_1")
    with pytest.raises(InvalidInput):
        await house.standings.publish(policy("no spaces", now + timedelta(days=9)))


async def test_the_service_ends_by_its_dates(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    await house.streams.move(stream.account_id, stream.id, StreamStatus.LIVE)
    stop_at = datetime.now(UTC) + timedelta(days=30)
    erase_at = stop_at + timedelta(days=30)
    with pytest.raises(InvalidInput):
        await house.standings.plan_shutdown(
            stop_at=stop_at, erase_at=stop_at, planned_by="operator:ada"
        )
    await house.standings.plan_shutdown(
        stop_at=stop_at, erase_at=erase_at, planned_by="operator:ada"
    )
    await house.noticing.shutdowns.advance()
    assert await phase(house) is ShutdownPhase.ANNOUNCED
    assert not (await house.streams.get(stream.account_id, stream.id)).ended
    page = await house.notices.list(stream.account_id, limit=10, cursor="", unread_only=True)
    assert f"{erase_at:%Y-%m-%d}" in page.items[0].notice.texts["en"].remedies
    house.clock.advance(days=30, minutes=1)
    await house.noticing.shutdowns.advance()
    assert await phase(house) is ShutdownPhase.STOPPED
    ended = await house.streams.get(stream.account_id, stream.id)
    assert (ended.status, ended.reason) == (StreamStatus.ENDED, "service_closing")
    first = (stop_at - timedelta(days=31)).date()
    used = await house.usage.days(stream.account_id, first, first + timedelta(days=40))
    assert sum(day.streams for day in used) == 1, "it is counted as any that ends"
    with pytest.raises(StateConflict):
        await house.standings.plan_shutdown(
            stop_at=stop_at + timedelta(days=60),
            erase_at=erase_at + timedelta(days=60),
            planned_by="operator:ada",
        )
    house.clock.advance(days=30)
    assert await phase(house) is ShutdownPhase.ERASING
    with pytest.raises(StateConflict):
        await house.standings.cancel_shutdown(cancelled_by="operator:ada")
    await house.noticing.shutdowns.advance()
    await house.noticing.shutdowns.advance()
    await house.erasures.work_off()
    async with house.database.read() as tx:
        (left,) = await tx.all(text("SELECT name, erased_at FROM accounts"))
        assert (left.name, left.erased_at is not None) == ("", True)
        assert await tx.all(text("SELECT * FROM streams")) == []
    assert not house.objects.kept


async def test_an_end_can_be_taken_back(house: House) -> None:
    account = await house.account()
    with pytest.raises(StateConflict):
        await house.standings.cancel_shutdown(cancelled_by="operator:ada")
    stop_at = datetime.now(UTC) + timedelta(days=1)
    await house.standings.plan_shutdown(
        stop_at=stop_at, erase_at=stop_at + timedelta(days=9), planned_by="operator:ada"
    )
    house.clock.advance(days=2)
    await house.noticing.shutdowns.advance()
    await house.standings.cancel_shutdown(cancelled_by="operator:ada")
    assert (await house.standings.standing(account.id)).shutdown is None
    page = await house.notices.list(account.id, limit=10, cursor="", unread_only=True)
    assert len(page.items) == 2


async def phase(house: House) -> ShutdownPhase:
    shutdown = (await house.standings.standing("")).shutdown
    assert shutdown is not None
    return shutdown.phase
