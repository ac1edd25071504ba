"""What is said live and waits for a person: the stream stands still, then goes on or not."""

from __future__ import annotations

import asyncio
from functools import partial

from services.common.errors import StorageFull
from services.gateway.live.drives import Drive, DriveStatus
from services.gateway.live.session import Session
from services.gateway.moderation.policy import Patience, Policy, Reviewing
from services.gateway.moderation.records import ReviewKind, ReviewStatus
from tests.fakes.people import DOUBT
from tests.fakes.virtual_time import run
from tests.unit.gateway.live.conftest import Studio, studio, until

__all__ = ["studio"]

ACCOUNT = "ac_1"


async def decide(studio: Studio, status: ReviewStatus) -> None:
    (review,) = (one for one in studio.stage.reviews.kept.values() if not one.decided)
    await studio.reviewers().decide(ACCOUNT, review.id, status, author="key_1")


async def say(studio: Studio, session: Session, text: str = "a bet on it") -> Drive:
    """Says a text that a person has to decide on; returns when the stream waits for one."""
    studio.moderator.doubtful = ["bet"]
    drive = await studio.director().say(session, text, interrupt=False)
    await until(lambda: studio.told("moderation.held"))
    return drive


def test_a_doubtful_text_is_heard_once_it_was_approved(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drive = await say(studio, session)
            assert not studio.speaker.spoken
            assert studio.event("moderation.held").fields["drive_id"] == drive.id
            begun_s = asyncio.get_running_loop().time()
            await decide(studio, ReviewStatus.APPROVED)
            await until(lambda: drive.ended)
            assert drive.status is DriveStatus.FINISHED
            assert asyncio.get_running_loop().time() - begun_s < 4

    run(main())
    held = studio.event("moderation.held").fields
    assert (held["categories"], held["time_limit_s"]) == (["gambling"], 60)
    decided = studio.event("moderation.decided").fields
    assert (decided["review_id"], decided["approved"]) == (held["review_id"], True)


def test_a_doubtful_text_that_is_refused_fails_its_drive_alone(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drive = await say(studio, session)
            await decide(studio, ReviewStatus.REJECTED)
            await until(lambda: drive.ended)
            assert drive.error is not None
            assert drive.error.code == "content_rejected"
            after = await studio.director().say(session, "fine", interrupt=False)
            await until(lambda: after.ended)
            assert after.status is DriveStatus.FINISHED

    run(main())
    assert studio.event("moderation.blocked").fields["categories"] == ["gambling"]
    assert not any("bet" in text for text in studio.speaker.spoken)


def test_nobody_is_waited_for_longer_than_the_policy_says(studio: Studio) -> None:
    async def main() -> None:
        policy = Policy(reviewing=Reviewing(live=Patience(20, approve=True)))
        await studio.stage.policies.put(ACCOUNT, policy, author="key_1", expected_version=None)
        async with studio.live() as session:
            drive = await say(studio, session)
            begun_s = asyncio.get_running_loop().time()
            await until(lambda: drive.status is DriveStatus.SPEAKING)
            assert 19 < asyncio.get_running_loop().time() - begun_s < 22

    run(main())
    assert studio.event("moderation.decided").fields["approved"] is True


def test_an_interruption_does_not_wait_for_anybody(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drive = await say(studio, session)
            await session.drives.interrupt()
            assert drive.status is DriveStatus.INTERRUPTED

    run(main())
    assert not studio.speaker.spoken


def test_of_a_written_text_the_clauses_before_are_heard_and_those_behind_wait(
    studio: Studio,
) -> None:
    async def main() -> None:
        async with studio.live() as session:
            studio.moderator.doubtful = ["bet"]
            drive, text = await studio.director().write(session)
            for clause in ("all is well. ", "a bet on it. ", "that is all."):
                text.add(clause)
            text.close()
            await until(lambda: studio.told("moderation.held"))
            await until(lambda: drive.played_text == "all is well")
            assert not any("that" in one for one in studio.speaker.spoken)
            await decide(studio, ReviewStatus.APPROVED)
            await until(lambda: drive.ended)
            assert drive.played_text == "all is well a bet on it that is all"

    run(main())


def _was_held(studio: Studio, times: int) -> bool:
    return len(studio.told("moderation.held")) == times


def test_a_clause_is_approved_where_it_stands_and_nowhere_else(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            studio.moderator.doubtful = ["bet"]
            for count, before in enumerate(("never ", "always "), start=1):
                _, text = await studio.director().write(session)
                text.add(before)
                text.add("a bet")
                text.close()
                await until(partial(_was_held, studio, count))
                await decide(studio, ReviewStatus.APPROVED)

    run(main())
    assert len(studio.stage.reviews.kept) == 2


def test_sound_is_kept_so_that_a_person_can_hear_it(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            studio.moderator.verdict = DOUBT
            drive, sound = await studio.director().listen(session, 16_000)
            sound.add(b"\1\0" * 16_000)
            sound.close()
            await until(lambda: studio.told("moderation.held"))
            (review,) = studio.stage.reviews.kept.values()
            assert review.kind is ReviewKind.AUDIO
            assert review.asset_id
            await decide(studio, ReviewStatus.APPROVED)
            await until(lambda: drive.ended)
            assert drive.status is DriveStatus.FINISHED

    run(main())


def test_no_sound_is_left_of_what_no_review_tells_of(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            studio.moderator.verdict = DOUBT
            studio.stage.reviews.error = StorageFull("full")
            drive, sound = await studio.director().listen(session, 16_000)
            sound.add(b"\1\0" * 16_000)
            sound.close()
            await until(lambda: drive.ended)
            assert drive.status is DriveStatus.FAILED
            page = await studio.assets.list(ACCOUNT, limit=10, cursor="")
            assert page.items == ()

    run(main())
