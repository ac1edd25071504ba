"""The end of consents, withdrawn or run out, and with it, in one transaction, of all use of them.

No process has to be running, or to be told, for the use to stop: whoever uses a face looks at the
catalog again and again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import Row, select, update

from services.common.errors import InvalidInput, StateConflict, StorageFull, Unavailable
from services.storage.audit.ledger import SYSTEM, note
from services.storage.catalog.avatars import avatar_record, erase_avatar
from services.storage.catalog.consents import (
    consent_record,
    erased_record,
    find_consent,
)
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.records import Consent, Erased
from services.storage.catalog.streams import end_streams
from services.storage.catalog.tables import avatars, consents
from services.storage.catalog.videos import end_videos
from services.storage.statements.challenges import forget_challenges

log = structlog.get_logger()

WITHDRAWN, EXPIRED, MINOR_FOUND = "withdrawn", "expired", "minor_found"
MAX_NOTE = 1_000
_END_OF_STREAMS = "consent_withdrawn"
_LOOK_EVERY_S = 15.0
_AT_ONCE = 100
_RETRY_AFTER_S = 5.0


class Withdrawals:
    """Ends consents. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, erasures: Erasures) -> None:
        self._database = database
        self._erasures = erasures

    async def withdraw(
        self, account_id: str, consent_id: str, *, note: str, erase_videos: bool
    ) -> Consent:
        """Ends a consent and all use of it; one that has ended stays as it is.

        Raises ConsentNotFound, InvalidInput.
        """
        if len(note) > MAX_NOTE:
            raise InvalidInput(f"a note has at most {MAX_NOTE} characters")
        async with self._database.write() as tx:
            row = await find_consent(tx, account_id, consent_id, locked=True)
            if row.ended_at is None:
                row = await self._end(tx, row, WITHDRAWN, note, erase_videos=erase_videos)
            ended = await consent_record(tx, row)
        self._erasures.hurry()
        return ended

    async def end_all(self, tx: Transaction, account_id: str, subject_id: str) -> None:
        """Ends all consents of a minor, together with what else the transaction does.

        Everything that was made under them goes, also under those that had ended, and what is said
        in them. Call `hurry` after the commit.
        """
        theirs = (consents.c.account_id == account_id, consents.c.subject_id == subject_id)
        query = select(consents).where(*theirs).order_by(consents.c.id)
        for row in await tx.all(query.with_for_update()):
            await self._erase(tx, row, MINOR_FOUND, note="")
            await _changed(tx, row, {"subject": "", "statement": "", "note": ""})
        await forget_challenges(tx, self._erasures, account_id, subject_id)

    def hurry(self) -> None:
        """Lets the deleting begin now; call it after the commit."""
        self._erasures.hurry()

    async def erased(self, account_id: str, consent_id: str) -> Consent:
        """An ended consent of which nothing is left.

        Raises ConsentNotFound, StateConflict while it holds, Unavailable until the last object is
        gone.
        """
        async with self._database.read() as tx:
            row = await find_consent(tx, account_id, consent_id)
            consent = await consent_record(tx, row)
            if consent.erased is None:
                raise StateConflict("the consent holds: nothing was erased")
            if await self._erasures.left(tx, consent.erased.objects):
                raise Unavailable("not everything is erased yet", retry_after_s=_RETRY_AFTER_S)
        return consent

    async def erase(self, tx: Transaction, account_id: str, consent_id: str, *, note: str) -> None:
        """Ends a consent, and erases all that was ever made under it, finished videos too.

        What an earlier end had left is added to what was erased. Raises ConsentNotFound.
        """
        row = await find_consent(tx, account_id, consent_id, locked=True)
        await self._erase(tx, row, WITHDRAWN, note=note)

    async def is_erased(self, tx: Transaction, account_id: str, consent_id: str) -> bool:
        """Whether nothing is left of what a consent ended with. Raises ConsentNotFound."""
        row = await find_consent(tx, account_id, consent_id)
        objects = erased_record(row.erased).objects if row.erased else ()
        return bool(row.erased) and not await self._erasures.left(tx, objects)

    async def run(self) -> None:
        """Ends consents whose time is over, again and again until cancelled."""
        while True:
            try:
                await self.expire()
            except (StorageFull, Unavailable) as error:
                log.warning("consents.not_expired", reason=error.reason)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def expire(self) -> None:
        """Ends consents whose time is over."""
        async with self._database.write() as tx:
            over = consents.c.ended_at.is_(None) & (consents.c.valid_until <= await tx.now())
            # Of several replicas that look at once, each ends others.
            due = select(consents).where(over).limit(_AT_ONCE).with_for_update(skip_locked=True)
            for row in await tx.all(due):
                await self._end(tx, row, EXPIRED, "", erase_videos=False)
                await note(tx, row.account_id, actor=SYSTEM, action="expire_consent", target=row.id)
        self._erasures.hurry()

    async def _end(
        self, tx: Transaction, row: Row[Any], reason: str, note: str, *, erase_videos: bool
    ) -> Row[Any]:
        now = await tx.now()
        # Locked first: what is being made of them is waited for, and then found below.
        theirs = select(avatars).where(avatars.c.consent_id == row.id).with_for_update()
        shown = [avatar_record(avatar) for avatar in await tx.all(theirs)]
        ids = [avatar.id for avatar in shown]
        stream_ids = await end_streams(tx, row.account_id, ids, _END_OF_STREAMS)
        video_ids, objects = await end_videos(
            tx, self._erasures, row.account_id, ids, finished_too=erase_videos
        )
        for avatar in shown:
            objects += await erase_avatar(tx, self._erasures, avatar)
        if row.recording is not None:
            await self._erasures.schedule(tx, [row.recording])
            objects.append(row.recording)
        erased = Erased(tuple(ids), tuple(video_ids), stream_ids, tuple(objects))
        log.info(
            "consent.ended",
            account_id=row.account_id,
            consent_id=row.id,
            reason=reason,
            avatars=len(ids),
            videos=len(video_ids),
            streams=len(stream_ids),
        )
        values = {
            "ended_at": now,
            "end_reason": reason,
            "note": await tx.seal(consents.c.note, row.account_id, note),
            "erased": _json(erased),
            "recording": None,
            "speaker": "",
        }
        return await _changed(tx, row, values)

    async def _erase(self, tx: Transaction, row: Row[Any], reason: str, *, note: str) -> None:
        if row.ended_at is None:
            await self._end(tx, row, reason, note, erase_videos=True)
            return
        before = erased_record(row.erased)
        video_ids, objects = await end_videos(
            tx, self._erasures, row.account_id, before.avatar_ids, finished_too=True
        )
        more = replace(
            before,
            video_ids=(*before.video_ids, *video_ids),
            objects=(*before.objects, *objects),
        )
        await _changed(tx, row, {"erased": _json(more)})


async def _changed(tx: Transaction, row: Row[Any], values: dict[str, Any]) -> Row[Any]:
    this = update(consents).where(consents.c.id == row.id)
    return await tx.one(this.values(values).returning(*consents.c))


def _json(erased: Erased) -> dict[str, Any]:
    return {
        "avatars": list(erased.avatar_ids),
        "videos": list(erased.video_ids),
        "streams": list(erased.stream_ids),
        "objects": [[ref.bucket, ref.key] for ref in erased.objects],
    }
