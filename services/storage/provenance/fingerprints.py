"""The fingerprints of what was made here, and which of them a film has.

Sound alone can't tell: whoever has a recording spoken by an avatar shares its sound with others'
films. Pictures alone can't either: all of an avatar's look alike. So both have to agree, at one
offset in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Integer, Row, Table, column, delete, func, insert, select, values

from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.tables import videos
from services.storage.provenance.fingerprint import (
    FRAMES_PER_S,
    Fingerprint,
    bits_apart,
    fingerprint_of,
)
from services.storage.provenance.sidecars import owner_of_living
from services.storage.provenance.tables import (
    fingerprint_landmarks,
    fingerprints,
    sidecar_manifests,
)

KEPT_S = 600.0
"""How much of a video is kept: its beginning."""
_LEAST_LANDMARKS = 8
"""Films that share nothing had 2 in common at most, whole copies 17 at least."""
_MOST_BITS_APART, _LEAST_SHAPES = 12, 3
"""Copies that lost a twentieth of each side differed by 12 at most, other films by 12 at least."""
_STEP = 3
"""In spectra: landmarks whose offsets differ by less agree."""
_AHEAD = _STEP * 1_000_000
"""Keeps offsets positive: databases divide negative numbers differently."""
_NEAR_S = 0.75
_ROWS_AT_ONCE = 1_000
_MOST_ASKED = 10_000
_MOST_CANDIDATES = 100
_TABLES = (fingerprint_landmarks, fingerprints)


@dataclass(frozen=True, slots=True)
class Match:
    """The video that a film shows, and how well both agree."""

    video_id: str
    account_id: str
    created_at: datetime
    landmarks: int
    """Of the sound, at one offset."""
    bits_apart: int
    """Of 64, how many differ in the middle one of the pictures."""


class Fingerprints:
    """The record of them. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, video_id: str, path: Path, reader: str) -> None:
        """Records that of a video's file, in place of an earlier one.

        Of a video that is not on record, or has ended meanwhile without a result, none is kept.
        """
        made = await asyncio.to_thread(
            fingerprint_of, path, reader, max_s=KEPT_S, keyframes_only=True
        )
        async with self._database.write() as tx:
            account_id = await owner_of_living(tx, video_id)
            if account_id is None:
                return
            await _delete(tx, _TABLES, [video_id])
            shapes = [[at_s, f"{shape:016x}"] for at_s, shape in made.shapes]
            row = {"video_id": video_id, "account_id": account_id, "shapes": shapes}
            await tx.execute(insert(fingerprints).values(row))
            marks = [{"video_id": video_id, "value": v, "position": at} for v, at in made.landmarks]
            for start in range(0, len(marks), _ROWS_AT_ONCE):
                some = marks[start : start + _ROWS_AT_ONCE]
                await tx.execute(insert(fingerprint_landmarks).values(some))

    async def match(self, seen: Fingerprint, account_id: str) -> Match | None:
        """The video that a film shows; the account's own before others'."""
        if not seen.landmarks or len(seen.shapes) < _LEAST_SHAPES:
            return None
        async with self._database.read() as tx:
            best = _best(await _agreeing(tx, seen))
            query = (
                select(fingerprints, videos.c.created_at)
                .join(videos, videos.c.id == fingerprints.c.video_id)
                .where(fingerprints.c.video_id.in_(best), videos.c.deleted_at.is_(None))
            )
            rows = await tx.all(query)
        matches = [match for row in rows if (match := _match(row, *best[row.video_id], seen))]
        matches.sort(key=lambda match: (match.account_id != account_id, -match.landmarks))
        return matches[0] if matches else None


async def forget(tx: Transaction, video_ids: Sequence[str]) -> None:
    """Takes away by what videos are known: fingerprints, and manifests beside them."""
    await _delete(tx, (*_TABLES, sidecar_manifests), video_ids)


async def _delete(tx: Transaction, tables: Sequence[Table], video_ids: Sequence[str]) -> None:
    for table in tables:
        await tx.execute(delete(table).where(table.c.video_id.in_(video_ids)))


async def _agreeing(tx: Transaction, seen: Fingerprint) -> Sequence[Row[Any]]:
    """How many landmarks each video shares with a film at each offset, most first."""
    number = (column("value", Integer), column("position", Integer))
    pairs = seen.landmarks[:_MOST_ASKED]
    asked = values(*number, name="asked", literal_binds=True).data(pairs).cte()
    mark = fingerprint_landmarks.c
    offset = ((mark.position - asked.c.position + _AHEAD) // _STEP).label("offset")
    shared = func.count().label("shared")
    query = (
        select(mark.video_id, offset, shared)
        .join(asked, asked.c.value == mark.value)
        .group_by(mark.video_id, offset)
        .having(shared > _LEAST_LANDMARKS // 3)
        .order_by(shared.desc(), mark.video_id, offset)
        .limit(_MOST_CANDIDATES)
    )
    return await tx.all(query)


def _best(agreeing: Sequence[Row[Any]]) -> dict[str, tuple[int, float]]:
    """Each video's landmarks where most agree, with the larger neighbour's, and the offset in s."""
    counts = {(row.video_id, row.offset): row.shared for row in agreeing}
    best: dict[str, tuple[int, float]] = {}
    for (video_id, offset), count in counts.items():
        beside = max(counts.get((video_id, offset + way), 0) for way in (-1, 1))
        offset_s = (offset * _STEP - _AHEAD) / FRAMES_PER_S
        best[video_id] = max(best.get(video_id, (0, 0.0)), (count + beside, offset_s))
    return {video_id: one for video_id, one in best.items() if one[0] >= _LEAST_LANDMARKS}


def _match(row: Row[Any], landmarks: int, offset_s: float, seen: Fingerprint) -> Match | None:
    """What both agree in, if their pictures do at that offset, too."""
    kept = [(at_s, int(shape, 16)) for at_s, shape in row.shapes]
    nearest = []
    for at_s, shape in seen.shapes:
        near = [bits_apart(shape, k) for at, k in kept if abs(at - at_s - offset_s) < _NEAR_S]
        if near:
            nearest.append(min(near))
    if len(nearest) < _LEAST_SHAPES or (apart := int(median(nearest))) > _MOST_BITS_APART:
        return None
    return Match(row.video_id, row.account_id, row.created_at, landmarks, apart)
