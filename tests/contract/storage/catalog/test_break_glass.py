"""How an operator comes to a user's media: never without a reason, nor without a trace."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.common.errors import InvalidInput, NotFound, Unavailable
from services.gateway.audit.records import Entry, Filter, MediaRequest, OperatorAccess
from services.gateway.notices import NoticeText
from services.gateway.operator import media
from services.storage.refs import ObjectRef
from tests.contract.storage.catalog.conftest import House

REASON = "a complaint that this shows a minor"


async def opened(house: House, asked: MediaRequest) -> tuple[OperatorAccess, bytes]:
    async with house.audit.open_media(asked) as (access, blocks):
        return access, b"".join([block async for block in blocks])


async def asset(house: House) -> tuple[str, MediaRequest]:
    account = await house.account()
    made = await house.asset(account.id)
    house.objects.content[made.object] = b"the file"
    return account.id, MediaRequest(made.id, "ada", REASON)


async def entries(house: House, account_id: str) -> Sequence[Entry]:
    found = Filter(action="open_media")
    return (await house.audit.list(account_id, found, limit=100, cursor="")).items


async def now(house: House) -> datetime:
    async with house.database.read() as tx:
        return await tx.now()


async def noticed(house: House, account_id: str) -> list[NoticeText]:
    """What the account was told by notices, in English."""
    page = await house.notices.list(account_id, limit=9, cursor="", unread_only=True)
    return [one.notice.texts["en"] for one in page.items]


async def test_what_is_opened_stands_in_both_chains_and_its_owner_sees_why(house: House) -> None:
    account_id, asked = await asset(house)
    access, data = await opened(house, replace(asked, case="C-7"))
    assert data == b"the file"
    (theirs,), (ours,) = await entries(house, account_id), await entries(house, "")
    assert (theirs.actor, theirs.actor_kind) == ("operator:ada", "operator")
    assert (theirs.target, theirs.reason) == (asked.target, f"{REASON}; case C-7")
    assert ours.target == f"{account_id}/{asked.target}"
    assert await house.audit.operator_accesses(account_id) == [access]
    assert access.reason in (await noticed(house, account_id))[0].measures
    other = await house.account()
    assert await house.audit.operator_accesses(other.id) == []
    assert (await house.audit.verify(account_id)).problem == ""
    assert (await house.audit.verify("")).problem == ""


async def test_videos_and_avatars_are_opened_by_their_ids(house: House) -> None:
    account = await house.account()
    avatar = await house.avatar(account.id)
    portrait = ObjectRef(avatar.portrait.bucket, avatar.portrait.key)
    house.objects.content[portrait] = b"a face"
    assert (await opened(house, MediaRequest(avatar.id, "ada", REASON)))[1] == b"a face"
    video = await house.video(account.id)
    with pytest.raises(NotFound):
        await opened(house, MediaRequest(video.id, "ada", REASON))


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "curious"},
        {"reason": " " * 30},
        {"reason": "x" * 501},
        {"reason": f"{REASON}\n"},
        {"operator": ""},
        {"operator": "ada: or not"},
        {"target": "ac_1"},
        {"case": "x" * 101},
        {"notice_not_before": datetime.fromisoformat("2100-01-01T00:00:00Z")},
        {
            "notice_not_before": datetime.fromisoformat("2020-01-01T00:00:00Z"),
            "legal_paper": "order 7",
        },
    ],
)
async def test_without_a_good_reason_nothing_is_opened(
    house: House, changes: dict[str, str]
) -> None:
    account_id, asked = await asset(house)
    with pytest.raises(InvalidInput):
        await opened(house, replace(asked, **changes))  # type: ignore[arg-type]  # any field
    assert not await entries(house, account_id)
    assert not await entries(house, "")


async def test_what_is_not_there_is_not_opened(house: House) -> None:
    _, asked = await asset(house)
    with pytest.raises(NotFound):
        await opened(house, replace(asked, target="vd_none"))
    assert not await entries(house, "")


async def test_a_legal_paper_can_put_off_that_the_owner_is_told(house: House) -> None:
    account_id, asked = await asset(house)
    later = await now(house) + timedelta(days=30)
    paper = replace(asked, legal_paper="order 7", notice_not_before=later)
    access, _ = await opened(house, paper)
    glass = house.audit_records.glass
    await glass.tell()
    assert not await entries(house, account_id)
    assert await noticed(house, account_id) == []
    assert await house.audit.operator_accesses(account_id) == []
    (ours,) = await entries(house, "")
    assert "order 7" in ours.reason
    assert later.isoformat() in ours.reason
    house.clock.advance(days=31)
    await glass.tell()
    await glass.tell()
    (theirs,) = await entries(house, account_id)
    assert "order 7" in theirs.reason
    assert access.at.isoformat() in theirs.reason
    assert len(await noticed(house, account_id)) == 1
    assert await house.audit.operator_accesses(account_id) == [access]


async def test_the_command_leaves_a_file_only_when_all_went_well(
    house: House, tmp_path: Path
) -> None:
    account_id, asked = await asset(house)
    out = tmp_path / "file"
    parser = argparse.ArgumentParser()
    media.describe(parser)
    named = [asked.target, "--operator", "ada", "--out", str(out), "--reason"]
    with pytest.raises(InvalidInput):
        await media.run(parser.parse_args([*named, "curious"]), house.channel)
    assert not out.exists()
    house.objects.down = True
    with pytest.raises(Unavailable):
        await media.run(parser.parse_args([*named, REASON]), house.channel)
    assert not out.exists()
    house.objects.down = False
    lines = await media.run(parser.parse_args([*named, REASON]), house.channel)
    assert out.read_bytes() == b"the file"
    assert account_id in lines[1]
    with pytest.raises(FileExistsError):
        await media.run(parser.parse_args([*named, REASON]), house.channel)
    # Each time that bytes could have come.
    assert len(await entries(house, account_id)) == 2
