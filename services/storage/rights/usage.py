"""What uses a person's likeness, and is ended when that use is restricted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from services.common.errors import Restricted
from services.storage.catalog.database import Transaction
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.records import AvatarStatus, Problem
from services.storage.catalog.streams import end_streams
from services.storage.catalog.tables import avatars
from services.storage.catalog.videos import end_videos
from services.storage.rights.scope import Scope

END_OF_STREAMS = "restricted"


async def end_use(tx: Transaction, erasures: Erasures, scope: Scope) -> dict[str, Any]:
    """Ends the streams, cancels unfinished videos and breaks off avatars that are being prepared.

    Which those were; finished videos and ready avatars stay.
    """
    avatar_ids = scope.avatar_ids
    stream_ids = await end_streams(tx, scope.account_id, avatar_ids, END_OF_STREAMS)
    video_ids, _ = await end_videos(tx, erasures, scope.account_id, avatar_ids, finished_too=False)
    being_made = (
        avatars.c.account_id == scope.account_id,
        avatars.c.id.in_(avatar_ids),
        avatars.c.status == AvatarStatus.PREPARING,
    )
    problem = Problem(Restricted.code, "its use was restricted", retryable=False, categories=())
    broken = update(avatars).where(*being_made).values(status=AvatarStatus.FAILED, error=problem)
    rows = await tx.all(broken.returning(avatars.c.id))
    return {
        "streams": list(stream_ids),
        "videos": video_ids,
        "avatars": sorted(row.id for row in rows),
    }
