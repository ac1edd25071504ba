"""Whether a file was made here: what it says, weighed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import select

from services.common.admission import Slots
from services.storage.assets.sniffing import sniff
from services.storage.catalog.database import Database
from services.storage.catalog.records import AssetKind
from services.storage.catalog.tables import videos
from services.storage.objects.spool import Spool, receive
from services.storage.provenance.evidence import Evidence, Label
from services.storage.provenance.fingerprint import Fingerprint
from services.storage.provenance.fingerprints import Fingerprints, Match
from services.storage.provenance.manifest import Manifest

log = structlog.get_logger()

_MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes files here: what they are called in labels, and their certificates, PEM."""

    producer: str
    chain: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What is known of a file."""

    made_here: bool
    label: Label | None
    label_ours: bool
    """The label names this operator; a claim, unless something else bears it out."""
    manifest: Manifest | None
    match: Match | None = None
    """What looks and sounds like it; not looked for where the rest suffices."""
    video_id: str = ""
    """Empty: it is not known, or not the asking account's."""
    created_at: datetime | None = None
    """Of that video."""


class Reader(Protocol):
    """What reads untrusted files."""

    async def evidence(
        self, source: Path, reader: str, content_type: str, chain: Path
    ) -> Evidence | None:
        """What a file says of where it comes from; None when it breaks its reader."""
        ...

    async def fingerprint(self, source: Path, reader: str) -> Fingerprint | None:
        """How a film looks and sounds; None when it breaks its reader."""
        ...


class Verifications:
    """Looks at files that anybody may bring; keeps nothing of them."""

    def __init__(
        self, database: Database, spool: Spool, reader: Reader, maker: Maker, *, max_bytes: int
    ) -> None:
        self._database = database
        self._fingerprints = Fingerprints(database)
        self._spool = spool
        self._reader = reader
        self._maker = maker
        self._max_bytes = max_bytes
        self._slots = Slots(_MOST_AT_ONCE, "too many files are being looked at")

    async def verify(self, account_id: str, blocks: AsyncIterator[bytes]) -> Verified:
        """What is known of a file that an account brings.

        Raises UnsupportedMedia, PayloadTooLarge, StorageFull, Overloaded, Unavailable.
        """
        with self._slots.taken():
            async with self._spool.room() as room:
                source, chain = room / "source", room / "chain.pem"
                await receive(blocks, source, max_bytes=self._max_bytes)
                media = await asyncio.to_thread(sniff, source)
                await asyncio.to_thread(chain.write_text, self._maker.chain, "ascii")
                found = await self._reader.evidence(source, media.reader, media.content_type, chain)
                verified = await self._weigh(account_id, found or Evidence(None, None))
                if not verified.made_here and media.kind is AssetKind.AUDIO:
                    seen = await self._reader.fingerprint(source, media.reader)
                    verified = await self._matched(account_id, verified, seen)
        log.info("file.verified", made_here=verified.made_here)
        return verified

    async def _weigh(self, account_id: str, found: Evidence) -> Verified:
        label, manifest = found.label, found.manifest
        signed = manifest is not None and manifest.ours and manifest.whole
        named = [manifest.title] if manifest is not None and signed else []
        label_ours = label is not None and label.producer == self._maker.producer
        if label is not None and label_ours:
            named.append(label.content_id)
        # Only one's own videos are looked up: a forged label finds out nothing of others'.
        own = (videos.c.account_id == account_id, videos.c.id.in_(named))
        query = select(videos.c.id, videos.c.created_at).where(*own).order_by(videos.c.id).limit(1)
        async with self._database.read() as tx:
            video = await tx.one_or_none(query)
        made_here = signed or video is not None
        if video is None:
            return Verified(made_here, label, label_ours, manifest)
        return Verified(
            made_here,
            label,
            label_ours,
            manifest,
            video_id=video.id,
            created_at=video.created_at,
        )

    async def _matched(
        self, account_id: str, verified: Verified, seen: Fingerprint | None
    ) -> Verified:
        match = await self._fingerprints.match(seen, account_id) if seen else None
        if match is None:
            return verified
        told = replace(verified, made_here=True, match=match)
        if match.account_id != account_id:
            return told
        return replace(told, video_id=match.video_id, created_at=match.created_at)
