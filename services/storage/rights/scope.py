"""Whose data a request is about: all of an account, or what belongs to some of its consents."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, or_, select

from services.storage.catalog.database import Transaction
from services.storage.catalog.tables import avatars, consents, streams, videos
from services.storage.rights.records import About
from services.storage.subjects.tables import subjects


@dataclass(frozen=True, slots=True)
class Scope:
    """An account, or a person's part of it."""

    account_id: str
    consent_ids: tuple[str, ...] | None
    """None: the whole account."""
    avatar_ids: tuple[str, ...]
    """Those that are there, and those that were erased when their consent ended."""
    asset_ids: tuple[str, ...]
    """Of a person: the files that their avatars and videos are made from."""
    output_ids: tuple[str, ...]
    """Of a person: the videos and streams that show them."""
    review_ids: tuple[str, ...]
    """Of a person: the reviews of their portraits, and of what was to be said with their face."""

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole account."""
        return self.consent_ids is None


async def scope_of(tx: Transaction, account_id: str, about: About, consent_id: str) -> Scope:
    """Everything that a request is about, as it is now."""
    mine = consents.c.account_id == account_id
    if about is About.ACCOUNT:
        faces = await tx.all(select(avatars.c.id).where(avatars.c.account_id == account_id))
        shown = select(videos.c.avatar_id).where(videos.c.account_id == account_id).distinct()
        known = {row.id for row in faces} | {row.avatar_id for row in await tx.all(shown)}
        return Scope(account_id, None, tuple(sorted(known)), (), (), ())
    if about is About.CONSENT:
        which = consents.c.id == consent_id
    else:
        which = or_(consents.c.id == consent_id, consents.c.subject_id.in_(_named_so(consent_id)))
    held = await tx.all(select(consents.c.id, consents.c.erased).where(mine, which))
    consent_ids = tuple(sorted(row.id for row in held))
    gone = {face for row in held if row.erased for face in row.erased["avatars"]}
    of_faces = select(avatars.c.id, avatars.c.asset_id, avatars.c.review_id).where(
        avatars.c.account_id == account_id, avatars.c.consent_id.in_(consent_ids)
    )
    faces = await tx.all(of_faces)
    avatar_ids = tuple(sorted(gone | {face.id for face in faces}))
    of_videos = select(videos.c.id, videos.c.audio_asset_id, videos.c.review_id).where(
        videos.c.account_id == account_id, videos.c.avatar_id.in_(avatar_ids)
    )
    made = await tx.all(of_videos)
    live = select(streams.c.id).where(
        streams.c.account_id == account_id, streams.c.avatar_id.in_(avatar_ids)
    )
    outputs = {one.id for one in (*made, *await tx.all(live))}
    assets = {face.asset_id for face in faces} | {video.audio_asset_id for video in made}
    reviews = {one.review_id for one in (*faces, *made)}
    return Scope(
        account_id, consent_ids, avatar_ids, _known(assets), _known(outputs), _known(reviews)
    )


def _named_so(consent_id: str) -> Select[tuple[str]]:
    """Subjects with the name of a consent's; nobody has that of one who is erased."""
    whose = select(consents.c.subject_id).where(consents.c.id == consent_id).scalar_subquery()
    name = select(subjects.c.name_index).where(subjects.c.id == whose).scalar_subquery()
    return select(subjects.c.id).where(subjects.c.name_index == name)


def _known(ids: set[str | None]) -> tuple[str, ...]:
    return tuple(sorted(one for one in ids if one))
