"""What people ask about their data, over SQLite and over PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select

from services.common.errors import (
    AccountNotFound,
    AvatarNotFound,
    CodeInvalid,
    ConsentNotFound,
    InvalidInput,
    MemberNotFound,
    PrivacyRequestNotFound,
    Restricted,
    StateConflict,
)
from services.gateway.consents import Consent, NewConsent
from services.gateway.records import (
    AvatarStatus,
    StreamSpec,
    StreamStatus,
    VideoStatus,
)
from services.gateway.rights import (
    Decision,
    NewRequest,
    PrivacyRequest,
    RequestKind,
    RequestState,
    Target,
)
from services.storage.rights.tables import privacy_request_steps, privacy_requests
from tests.contract.storage.catalog.conftest import House
from tests.contract.storage.catalog.test_consents import NEW, finished, queued, shown
from tests.contract.storage.catalog.test_people import ADA, EVE, sign_up

ATTESTED = "Ada showed her passport at our desk."


def of_account(kind: RequestKind, **more: object) -> NewRequest:
    return NewRequest(kind, Target(), "key_1", **more)  # type: ignore[arg-type]  # any field


def of_consent(kind: RequestKind, consent: Consent, **more: object) -> NewRequest:
    return NewRequest(
        kind,
        Target(consent_id=consent.id),
        "key_1",
        attested_identity=ATTESTED,
        **more,  # type: ignore[arg-type]  # any field
    )


def of_subject(kind: RequestKind, subject: str, **more: object) -> NewRequest:
    return NewRequest(
        kind,
        Target(subject=subject),
        "key_1",
        attested_identity=ATTESTED,
        **more,  # type: ignore[arg-type]  # any field
    )


async def asked(house: House, account_id: str, new: NewRequest) -> PrivacyRequest:
    """A request that has been carried out, or is held; an operator knows who asks."""
    made = await house.rights.create(account_id, new)
    if made.state is RequestState.IDENTITY_PENDING:
        await house.rights.decide(made.id, Decision.CONFIRM, note="called back")
    await house.fulfilment.work_off()
    return await house.rights.get(account_id, made.id)


def told(request: PrivacyRequest) -> list[tuple[str, str]]:
    return [(step.state.value, step.actor) for step in request.steps]


async def test_the_clock_begins_once_it_is_known_who_asks(house: House) -> None:
    account = await house.account()
    made = await house.rights.create(
        account.id, of_account(RequestKind.ACCESS, details="What do you hold on me?")
    )
    assert (made.state, made.due_at) == (RequestState.IDENTITY_PENDING, None)
    await house.fulfilment.work_off()
    assert (await house.rights.get(account.id, made.id)).state is RequestState.IDENTITY_PENDING
    with pytest.raises(InvalidInput):
        await house.rights.decide(made.id, Decision.CONFIRM, note=" ")
    opened = await house.rights.decide(made.id, Decision.CONFIRM, note="called back")
    assert (opened.state, opened.identity) == (RequestState.OPEN, "operator")
    assert opened.opened_at is not None
    assert opened.due_at is not None
    assert timedelta(days=14) < opened.due_at - opened.opened_at < timedelta(days=40)
    with pytest.raises(StateConflict):
        await house.rights.decide(made.id, Decision.CONFIRM, note="again")
    await house.fulfilment.work_off()
    done = await house.rights.get(account.id, made.id)
    assert told(done) == [
        ("identity_pending", "key_1"),
        ("open", "operator"),
        ("in_progress", "service"),
        ("fulfilled", "service"),
    ]
    assert done.details == "What do you hold on me?"
    assert done.steps[1].note == "called back"


async def test_a_person_proves_by_a_code_that_they_ask(house: House) -> None:
    session, _ = await sign_up(house)
    stranger, _ = await sign_up(house, EVE)
    account_id, person = session.account_id, session.person_id
    made = await house.rights.create(account_id, of_account(RequestKind.ACCESS))
    house.clock.advance(minutes=2)
    code = await house.people.make_code(ADA, "privacy_request")
    wrong = "000000" if code != "000000" else "111111"
    with pytest.raises(CodeInvalid):
        await house.rights.prove(account_id, made.id, person_id=person, code=wrong)
    with pytest.raises(MemberNotFound):
        await house.rights.prove(account_id, made.id, person_id=stranger.person_id, code=code)
    with pytest.raises(PrivacyRequestNotFound):
        await house.rights.prove(
            stranger.account_id, made.id, person_id=stranger.person_id, code=code
        )
    opened = await house.rights.prove(account_id, made.id, person_id=person, code=code)
    assert (opened.state, opened.identity) == (RequestState.OPEN, "code")
    assert opened.steps[-1].actor == person
    with pytest.raises(StateConflict):
        await house.rights.prove(account_id, made.id, person_id=person, code=code)
    await house.fulfilment.work_off()
    done = await house.rights.get(account_id, made.id)
    assert done.report is not None
    counts = {held["noun"]: held["count"] for held in done.report["held"]}
    assert (counts["people"], counts["members"], counts["sessions"]) == (1, 1, 1)


async def test_what_people_write_lies_sealed(house: House) -> None:
    account = await house.account()
    consent = await house.consents.create(account.id, NEW)
    await house.rights.create(
        account.id, of_consent(RequestKind.ACCESS, consent, details="I am Ada.")
    )
    async with house.database.read() as tx:
        row = await tx.one(select(privacy_requests))
    assert "Ada" not in row.details + row.identity_statement


async def test_whoever_asks_for_somebody_says_how_they_know_them(house: House) -> None:
    account, other = await house.account(), await house.account()
    consent = await house.consents.create(account.id, NEW)
    made = await house.rights.create(account.id, of_consent(RequestKind.ACCESS, consent))
    assert (made.state, made.identity) == (RequestState.OPEN, "attested")
    with pytest.raises(InvalidInput):
        await house.rights.create(
            account.id, NewRequest(RequestKind.ACCESS, Target(consent_id=consent.id), "key_1")
        )
    with pytest.raises(InvalidInput):
        await house.rights.create(
            account.id, of_account(RequestKind.ACCESS, attested_identity=ATTESTED)
        )
    for new in (
        of_consent(RequestKind.ACCESS, consent),
        of_subject(RequestKind.ACCESS, NEW.subject),
    ):
        with pytest.raises(ConsentNotFound):
            await house.rights.create(other.id, new)
    with pytest.raises(AccountNotFound):
        await house.rights.create("ac_nobody", of_account(RequestKind.ACCESS))


async def test_requests_are_their_account_s_alone(house: House) -> None:
    account, other = await house.account(), await house.account()
    made = await house.rights.create(account.id, of_account(RequestKind.ACCESS))
    assert (await house.rights.list(other.id, limit=10, cursor="")).items == ()
    listed = (await house.rights.list(account.id, limit=10, cursor="")).items
    assert [one.id for one in listed] == [made.id]
    with pytest.raises(PrivacyRequestNotFound):
        await house.rights.get(other.id, made.id)
    with pytest.raises(PrivacyRequestNotFound):
        await house.rights.cancel(other.id, made.id, actor="key_2")


async def test_a_request_can_be_taken_back_before_it_is_carried_out(house: House) -> None:
    account = await house.account()
    made = await house.rights.create(account.id, of_account(RequestKind.EXPORT))
    ended = await house.rights.cancel(account.id, made.id, actor="key_1")
    assert ended.state is RequestState.CANCELLED
    assert await house.rights.cancel(account.id, made.id, actor="key_1") == ended
    with pytest.raises(StateConflict):
        await house.rights.decide(made.id, Decision.REFUSE, note="late")
    assert not await house.rights.pending(limit=10)


async def test_a_report_counts_what_is_held_and_names_no_contents(house: House) -> None:
    account, other = await house.account(), await house.account()
    consent = await house.consents.create(account.id, NEW)
    avatar = await shown(house, consent)
    await finished(house, avatar)
    await house.video(account.id)
    await house.video(other.id)
    whole = await asked(house, account.id, of_account(RequestKind.ACCESS))
    assert whole.report is not None
    counts = {held["noun"]: held["count"] for held in whole.report["held"]}
    assert (counts["account"], counts["videos"], counts["avatars"]) == (1, 2, 2)
    assert (whole.report["place"], whole.report["processors"]) == ("Hangzhou", ["Cloud Ltd"])
    kept = {held["noun"]: (held["kept"], held["where"]) for held in whole.report["held"]}
    assert kept["videos"] == ("until its owner deletes it", "SQL, S3")
    assert kept["audit_entries"] == ("180 days after it was done", "SQL")
    hers = await asked(house, account.id, of_subject(RequestKind.ACCESS, NEW.subject))
    assert hers.report is not None
    counts = {held["noun"]: held["count"] for held in hers.report["held"]}
    assert counts == {
        "consents": 1,
        "subjects": 1,
        "assets": 1,
        "avatars": 1,
        "videos": 1,
        "privacy_requests": 1,
        "privacy_request_steps": 3,
    }


async def test_corrections_change_names_and_seal_what_was_there(house: House) -> None:
    account = await house.account()
    consent = await house.consents.create(account.id, NEW)
    avatar = await shown(house, consent)
    corrections = {account.id: "Ada & Co", avatar.id: "Ada L.", consent.id: "employee 4712"}
    done = await asked(
        house, account.id, of_account(RequestKind.CORRECTION, corrections=corrections)
    )
    assert done.state is RequestState.FULFILLED
    assert done.report == {"corrected": sorted(corrections)}
    assert (await house.accounts.account(account.id)).name == "Ada & Co"
    assert (await house.avatars.get(account.id, avatar.id)).name == "Ada L."
    assert (await house.consents.get(account.id, consent.id)).subject == "employee 4712"
    async with house.database.read() as tx:
        rows = await tx.all(select(privacy_request_steps).order_by(privacy_request_steps.c.id))
        request = await tx.one(select(privacy_requests))
        kept = [
            await tx.unseal(privacy_request_steps.c.before, account.id, row.before)
            for row in rows
            if row.before
        ]
    assert sorted(kept) == sorted(["Ada's", "Ada", "employee 4711"])
    assert request.corrections == ""
    assert not any("4711" in row.note for row in rows)


async def test_corrections_reach_only_what_the_request_is_about(house: House) -> None:
    account, other = await house.account(), await house.account()
    consent = await house.consents.create(account.id, NEW)
    foreign = await house.avatar(other.id)
    own = await house.avatar(account.id)
    for new in (
        of_account(RequestKind.CORRECTION, corrections={foreign.id: "Eve"}),
        of_account(RequestKind.CORRECTION, corrections={other.id: "Eve"}),
        of_account(RequestKind.CORRECTION, corrections={own.id: " "}),
        of_account(RequestKind.CORRECTION),
        of_account(RequestKind.ACCESS, corrections={own.id: "Eve"}),
        of_consent(RequestKind.CORRECTION, consent, corrections={own.id: "Eve"}),
        of_consent(RequestKind.CORRECTION, consent, corrections={account.id: "Eve"}),
    ):
        with pytest.raises(InvalidInput):
            await house.rights.create(account.id, new)


async def test_what_can_not_be_carried_out_waits_for_an_operator(house: House) -> None:
    account = await house.account()
    avatar = await house.avatar(account.id)
    new = of_account(RequestKind.CORRECTION, corrections={account.id: "B", avatar.id: "C"})
    made = await house.rights.create(account.id, new)
    await house.avatars.delete(account.id, avatar.id)
    await house.rights.decide(made.id, Decision.CONFIRM, note="called back")
    await house.fulfilment.work_off()
    held = await house.rights.get(account.id, made.id)
    assert (held.state, held.held) == (RequestState.OPEN, True)
    assert avatar.id in held.steps[-1].note
    assert (await house.accounts.account(account.id)).name == "Ada's"
    refused = await house.rights.decide(made.id, Decision.REFUSE, note="the avatar is gone")
    assert (refused.state, refused.reason) == (RequestState.REFUSED, "the avatar is gone")


async def test_a_deletion_leaves_nothing_of_a_person(house: House) -> None:
    account = await house.account()
    consents = [await house.consents.create(account.id, NEW) for _ in range(2)]
    ended = await house.consents.create(account.id, NEW)
    faces = [await shown(house, consent) for consent in (*consents, ended)]
    videos = [await finished(house, face) for face in faces]
    await house.consents.withdraw(account.id, ended.id, note="", erase_videos=False)
    bystander = await finished(house, await house.avatar(account.id))
    house.objects.down = True
    waiting = await asked(house, account.id, of_subject(RequestKind.DELETION, NEW.subject))
    assert waiting.state is RequestState.IN_PROGRESS
    with pytest.raises(StateConflict):
        await house.rights.cancel(account.id, waiting.id, actor="key_1")
    house.objects.down = False
    house.clock.advance(minutes=1)
    await house.erasures.work_off()
    await house.fulfilment.work_off()
    done = await house.rights.get(account.id, waiting.id)
    assert done.state is RequestState.FULFILLED
    ids = sorted(consent.id for consent in (*consents, ended))
    assert done.report == {"consents": ids}
    for video in videos:
        assert (await house.videos.get(account.id, video.id)).deleted_at is not None
    for face in faces:
        with pytest.raises(AvatarNotFound):
            await house.avatars.get(account.id, face.id)
    listed = (await house.consents.get(account.id, ended.id)).erased
    assert listed is not None
    assert listed.video_ids == (videos[2].id,)
    await house.consents.certify(account.id, ended.id)
    assert (await house.videos.get(account.id, bystander.id)).content is not None


async def test_the_deletion_of_an_account_begins_its_end(house: House) -> None:
    account = await house.account()
    made = await asked(house, account.id, of_account(RequestKind.DELETION))
    assert made.state is RequestState.FULFILLED
    assert made.report is not None
    begun = await house.identity.deregistrations.get(account.id)
    assert made.report["erases_at"] == begun.erases_at.isoformat()
    again = await asked(house, account.id, of_account(RequestKind.DELETION))
    assert (again.held, again.state) == (True, RequestState.OPEN)
    house.clock.advance(days=16)
    await house.identity.deregistrations.erase_due()
    await house.erasures.work_off()
    erased = await house.identity.deregistrations.erased(made.report["receipt"])
    assert (erased["type"], erased["account_id"]) == ("account_erasure", account.id)


async def test_a_restriction_ends_all_use_and_keeps_all_that_is_stored(house: House) -> None:
    account = await house.account()
    consent = await house.consents.create(account.id, NEW)
    face, other = await shown(house, consent), await house.avatar(account.id)
    asset = await house.asset(account.id)
    preparing = await house.avatars.create(
        account.id, name="New", asset_id=asset.id, owns_asset=False, consent=consent.id
    )
    made, job = await finished(house, face), await queued(house, face)
    spec = StreamSpec(face.id, "vo_en_heart", 320, 400, 30, 900, 86_400, record=True)
    stream = await house.streams.create(account.id, spec)
    untouched = await queued(house, other)

    done = await asked(house, account.id, of_consent(RequestKind.RESTRICTION, consent))
    assert done.report == {
        "ended": {"streams": [stream.id], "videos": [job.id], "avatars": [preparing.id]}
    }
    ended = await house.streams.get(account.id, stream.id)
    assert (ended.status, ended.reason) == (StreamStatus.ENDED, "restricted")
    assert (await house.videos.get(account.id, job.id)).status is VideoStatus.CANCELLED
    broken = await house.avatars.get(account.id, preparing.id)
    assert broken.error is not None
    assert (broken.status, broken.error.code) == (AvatarStatus.FAILED, "restricted")
    assert (await house.videos.get(account.id, made.id)).content is not None
    assert (await house.avatars.get(account.id, face.id)).status is AvatarStatus.READY
    assert (await house.videos.get(account.id, untouched.id)).status is VideoStatus.QUEUED
    [listed] = await house.rights.restrictions(account.id)
    assert (listed.consent_id, listed.request_id) == (consent.id, done.id)

    with pytest.raises(Restricted):
        await queued(house, face)
    with pytest.raises(Restricted):
        await house.streams.create(account.id, spec)
    with pytest.raises(Restricted):
        await house.avatars.create(
            account.id, name="More", asset_id=asset.id, owns_asset=False, consent=consent.id
        )
    await house.rights.check_use(account.id)
    await queued(house, other)

    again = await asked(house, account.id, of_consent(RequestKind.RESTRICTION, consent))
    assert again.state is RequestState.FULFILLED
    await asked(house, account.id, of_consent(RequestKind.LIFTING, consent))
    assert await house.rights.restrictions(account.id) == []
    await queued(house, face)


async def test_a_restricted_account_can_be_read_and_erased_and_not_used(house: House) -> None:
    account, other = await house.account(), await house.account()
    face = await house.avatar(account.id)
    job = await queued(house, face)
    await asked(house, account.id, of_account(RequestKind.RESTRICTION))
    assert (await house.videos.get(account.id, job.id)).status is VideoStatus.CANCELLED
    with pytest.raises(Restricted):
        await house.rights.check_use(account.id)
    with pytest.raises(Restricted):
        await queued(house, face)
    with pytest.raises(Restricted):
        await house.avatar(account.id)
    await house.rights.check_use(other.id)
    await house.video(other.id)
    exported = await asked(house, account.id, of_account(RequestKind.EXPORT))
    assert exported.archive is not None
    await house.avatars.delete(account.id, face.id)
    await asked(house, account.id, of_account(RequestKind.LIFTING))
    await house.rights.check_use(account.id)


async def test_nothing_begins_at_the_moment_of_a_restriction_that_would_go_on(
    house: House,
) -> None:
    account = await house.account()
    face = await house.avatar(account.id)
    made = await house.rights.create(account.id, of_account(RequestKind.RESTRICTION))
    await house.rights.decide(made.id, Decision.CONFIRM, note="called back")
    begun = await asyncio.gather(
        house.fulfilment.work_off(),
        *(queued(house, face) for _ in range(8)),
        return_exceptions=True,
    )
    assert not [one for one in begun if isinstance(one, Exception) and type(one) is not Restricted]
    jobs = (await house.videos.list(account.id, limit=20, cursor="")).items
    assert all(job.status is VideoStatus.CANCELLED for job in jobs)


async def test_repeats_wait_for_an_operator_and_are_never_refused_by_themselves(
    house: House,
) -> None:
    account = await house.account()
    for repeats in range(3):
        done = await asked(house, account.id, of_account(RequestKind.ACCESS))
        assert (done.repeats, done.state) == (repeats, RequestState.FULFILLED)
    held = await asked(house, account.id, of_account(RequestKind.ACCESS))
    assert (held.repeats, held.held, held.state) == (3, True, RequestState.OPEN)
    other = await asked(house, account.id, of_account(RequestKind.EXPORT))
    assert other.state is RequestState.FULFILLED
    await house.rights.decide(held.id, Decision.ACCEPT, note="one more")
    await house.fulfilment.work_off()
    assert (await house.rights.get(account.id, held.id)).state is RequestState.FULFILLED
    with pytest.raises(StateConflict):
        await house.rights.decide(held.id, Decision.ACCEPT, note="once more")
    house.clock.advance(days=31)
    later = await asked(house, account.id, of_account(RequestKind.ACCESS))
    assert later.state is RequestState.FULFILLED


def due(when: str) -> float:
    return REGISTRY.get_sample_value("vultus_privacy_requests_due", {"when": when}) or 0.0


async def test_operators_are_reminded_as_the_time_comes_near(house: House) -> None:
    """Over Spring Festival, whose working weekends count."""
    account = await house.account()
    shanghai = ZoneInfo("Asia/Shanghai")
    async with house.database.read() as tx:
        now = await tx.now()
    house.clock.ahead += datetime(2026, 2, 9, 10, tzinfo=shanghai) - now
    await asked(house, account.id, of_account(RequestKind.DELETION))
    # What has begun is held, for an operator to look at.
    made = await asked(house, account.id, of_account(RequestKind.DELETION))
    assert made.due_at == datetime(2026, 3, 6, 23, 59, 59, tzinfo=shanghai)
    seen = []
    for days in (0, 18, 19, 23, 26):
        house.clock.ahead = datetime(2026, 2, 9, 10, tzinfo=shanghai) - now + timedelta(days=days)
        await house.fulfilment.tend()
        async with house.database.read() as tx:
            mine = select(privacy_requests.c.reminded).where(privacy_requests.c.id == made.id)
            row = await tx.one(mine)
        seen.append((row.reminded, due("soon"), due("urgent"), due("overdue")))
    assert seen == [
        ("", 0, 0, 0),
        ("", 0, 0, 0),
        ("soon", 1, 0, 0),
        ("urgent", 0, 1, 0),
        ("overdue", 0, 0, 1),
    ]
    told = (await house.notices.list(account.id, limit=9, cursor="", unread_only=True)).items
    assert [one.notice.texts["en"].title for one in told] == [
        f"Your privacy request {made.id} was due on 2026-03-06",
        *[f"Your privacy request {made.id} will be answered by 2026-03-06"] * 2,
    ]
    [pending] = await house.rights.pending(limit=10)
    assert pending.id == made.id
    done = await house.rights.decide(made.id, Decision.FULFIL, note="erased by hand")
    assert done.state is RequestState.FULFILLED
    assert not await house.rights.pending(limit=10)


async def test_consents_of_one_name_are_one_subject(house: House) -> None:
    account = await house.account()
    for subject in ("Ada", "Ada", "Eve"):
        consent = await house.consents.create(
            account.id, NewConsent(subject, ("avatar",), "Signed.", "key_1")
        )
        await shown(house, consent)
    done = await asked(house, account.id, of_subject(RequestKind.ACCESS, "Ada"))
    assert done.report is not None
    counts = {held["noun"]: held["count"] for held in done.report["held"]}
    assert (counts["consents"], counts["avatars"]) == (2, 2)
    assert done.whole_subject
