"""Manifests that lie beside files which can't hold them."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.records import VideoStatus
from services.storage.catalog.tables import videos
from services.storage.provenance.tables import sidecar_manifests

_BADLY_ENDED = (VideoStatus.FAILED, VideoStatus.CANCELLED, VideoStatus.REJECTED)


class Sidecars:
    """The record of them. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, video_id: str, manifest: bytes) -> None:
        """Records that of a video, in place of an earlier one; none of what has ended meanwhile."""
        async with self._database.write() as tx:
            account_id = await owner_of_living(tx, video_id)
            if account_id is None:
                return
            table = sidecar_manifests
            await tx.execute(delete(table).where(table.c.video_id == video_id))
            row = {"video_id": video_id, "account_id": account_id, "manifest": manifest}
            await tx.execute(insert(table).values(row))

    async def get(self, account_id: str, video_id: str) -> bytes:
        """That of a video; empty: it has none."""
        table = sidecar_manifests
        mine = (table.c.account_id == account_id, table.c.video_id == video_id)
        async with self._database.read() as tx:
            row = await tx.one_or_none(select(table.c.manifest).where(*mine))
        return b"" if row is None else bytes(row.manifest)


async def owner_of_living(tx: Transaction, video_id: str) -> str | None:
    """Whose a video is; None: it is not on record, or has ended without a result.

    Its row is locked: whatever is recorded of it goes with it.
    """
    alive = (videos.c.deleted_at.is_(None), videos.c.status.not_in(_BADLY_ENDED))
    query = select(videos.c.account_id).where(videos.c.id == video_id, *alive).with_for_update()
    video = await tx.one_or_none(query)
    return None if video is None else str(video.account_id)
