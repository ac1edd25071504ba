"""The catalog in memory, with the rules and conflicts of the real one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from services.common.errors import (
    AvatarNotFound,
    AvatarNotReady,
    ConsentNotFound,
    ConsentRequired,
    IdempotencyConflict,
    IdempotencyInProgress,
    InvalidInput,
    StateConflict,
    UnsupportedMedia,
)
from services.common.ids import is_id, new_id
from services.gateway.consents import Attested, Consent
from services.gateway.media import ObjectRef
from services.gateway.ports import Assets
from services.gateway.records import (
    Answer,
    Avatar,
    AvatarPack,
    AvatarStatus,
    Page,
    Trouble,
)
from services.gateway.subjects import Details, Subject

START = datetime(2026, 1, 1, tzinfo=UTC)
MAX_LIMIT = 100


class Kept(Protocol):
    """What a list is of."""

    @property
    def id(self) -> str: ...


KeptT = TypeVar("KeptT", bound=Kept)


@dataclass
class FakeClock:
    """A clock that stands still until it is moved."""

    time: datetime = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


def page_of(items: Iterable[KeptT], limit: int, cursor: str, prefix: str) -> Page[KeptT]:
    """A page of a list, newest first, as the real catalog makes it."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit must be from 1 to {MAX_LIMIT}")
    if cursor and not is_id(cursor, prefix):
        raise InvalidInput("this cursor is of no list")
    older = sorted((i for i in items if not cursor or i.id < cursor), key=lambda i: i.id)[::-1]
    return Page(tuple(older[:limit]), older[limit - 1].id if len(older) > limit else "")


@dataclass
class KnownSubjects:
    """Subjects of all accounts."""

    now: Callable[[], datetime]
    kept: dict[str, Subject] = field(default_factory=dict)

    def add(self, account_id: str, details: Details) -> Subject:
        born = details.birth_year
        minor = details.minor or (born is not None and self.now().year - born <= 18)
        details = replace(details, minor=minor)
        subject = Subject(new_id("su"), account_id, details, "", "", self.now(), None)
        self.kept[subject.id] = subject
        return subject


@dataclass
class FakeAvatars:
    """Avatars of all accounts."""

    assets: Assets
    now: Callable[[], datetime]
    subjects: KnownSubjects
    kept: dict[str, Avatar] = field(default_factory=dict)
    owned_assets: dict[str, str] = field(default_factory=dict)
    """By avatar: the assets that go with them."""
    consents: dict[str, Consent] = field(default_factory=dict)

    def add(self, account_id: str, status: AvatarStatus = AvatarStatus.READY) -> Avatar:
        avatar_id = new_id("av")
        ready = status is AvatarStatus.READY
        avatar = Avatar(
            id=avatar_id,
            account_id=account_id,
            kind="picture",
            name="Ada",
            status=status,
            error=None,
            width=512 if ready else 0,
            height=640 if ready else 0,
            portrait=ObjectRef("assets", f"{account_id}/{avatar_id}.png"),
            pack=ObjectRef("avatars", f"{account_id}/{avatar_id}.pack"),
            preview=ObjectRef("avatars", f"{account_id}/{avatar_id}.jpg"),
            created_at=self.now(),
        )
        self.kept[avatar.id] = avatar
        return avatar

    def ready(self, avatar_id: str) -> Avatar:
        """The avatar, as it is once it was built."""
        return replace(self.kept[avatar_id], status=AvatarStatus.READY, width=512, height=640)

    async def create(
        self,
        account_id: str,
        *,
        name: str,
        asset_id: str,
        owns_asset: bool,
        review_id: str = "",
        consent: str | Attested,
    ) -> Avatar:
        asset = await self.assets.get(account_id, asset_id)
        if asset.picture is None:
            raise UnsupportedMedia("an avatar is made of an image")
        held = self._attested(account_id, name, consent)
        avatar = self.add(account_id, AvatarStatus.PREPARING)
        avatar = replace(
            avatar,
            name=name,
            portrait=asset.picture,
            review_id=review_id,
            consent_id=held.id,
        )
        self.kept[avatar.id] = avatar
        if owns_asset:
            self.owned_assets[avatar.id] = asset_id
        return avatar

    def _attested(self, account_id: str, name: str, consent: str | Attested) -> Consent:
        if isinstance(consent, Attested):
            subject = self.subjects.add(account_id, Details(name))
            held = Consent(
                id=new_id("cn"),
                account_id=account_id,
                subject_id=subject.id,
                subject=name,
                purposes=("avatar",),
                given_by="subject",
                evidence="attestation",
                checks=(),
                policy_version="",
                statement="subject_authorised",
                attested_by=consent.by,
                valid_from=self.now(),
                valid_until=None,
                ended_at=None,
                end_reason="",
                note="",
                erased=None,
            )
            self.consents[held.id] = held
            return held
        known = self.consents.get(consent)
        if known is None or known.account_id != account_id:
            raise ConsentNotFound("no such consent")
        if known.ended_at or (known.valid_until and known.valid_until <= self.now()):
            raise ConsentRequired("the consent has ended")
        if "avatar" not in known.purposes:
            raise ConsentRequired("the consent is not for avatars")
        return known

    async def get(self, account_id: str, avatar_id: str) -> Avatar:
        avatar = self.kept.get(avatar_id)
        if avatar is None or avatar.account_id != account_id:
            raise AvatarNotFound("no such avatar")
        return avatar

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Avatar]:
        mine = [a for a in self.kept.values() if a.account_id == account_id]
        return page_of(mine, limit, cursor, "av")

    async def finish(
        self,
        account_id: str,
        avatar_id: str,
        status: AvatarStatus,
        *,
        error: Trouble | None = None,
        pack: AvatarPack | None = None,
    ) -> Avatar:
        ready = status is AvatarStatus.READY
        if status is AvatarStatus.PREPARING:
            raise InvalidInput("status must be READY, FAILED or REJECTED")
        if ready and not (pack and pack.width > 0 and pack.height > 0):
            raise InvalidInput("a ready avatar has a size")
        if not ready and error is None:
            raise InvalidInput("error must say why the avatar could not be made")
        avatar = await self.get(account_id, avatar_id)
        if avatar.status is not AvatarStatus.PREPARING:
            raise StateConflict("the avatar is no longer preparing")
        width, height = (pack.width, pack.height) if ready and pack else (0, 0)
        self.kept[avatar_id] = replace(
            avatar, status=status, error=None if ready else error, width=width, height=height
        )
        return self.kept[avatar_id]

    async def delete(self, account_id: str, avatar_id: str) -> None:
        await self.get(account_id, avatar_id)
        del self.kept[avatar_id]
        owned = self.owned_assets.pop(avatar_id, None)
        if owned is not None:
            await self.assets.delete(account_id, owned)

    async def require_ready(self, account_id: str, avatar_id: str) -> None:
        avatar = await self.get(account_id, avatar_id)
        if avatar.status is not AvatarStatus.READY:
            raise AvatarNotReady(f"the avatar is {avatar.status}")


@dataclass
class FakeIdempotency:
    """Keys and answers."""

    kept: dict[tuple[str, str], tuple[str, Answer | None]] = field(default_factory=dict)
    begun: itertools.count[int] = field(default_factory=itertools.count)

    async def begin(self, account_id: str, key: str, request_sha256: str) -> Answer | None:
        next(self.begun)
        found = self.kept.get((account_id, key))
        if found is None:
            self.kept[account_id, key] = (request_sha256, None)
            return None
        if found[0] != request_sha256:
            raise IdempotencyConflict("the key was used with another request")
        if found[1] is None:
            raise IdempotencyInProgress("the first request is still being answered")
        return found[1]

    async def complete(self, account_id: str, key: str, answer: Answer) -> None:
        digest, earlier = self.kept.get((account_id, key), ("", None))
        if not digest or earlier is not None:
            raise StateConflict("the key is not claimed")
        self.kept[account_id, key] = (digest, answer)

    async def abandon(self, account_id: str, key: str) -> None:
        if self.kept.get((account_id, key), ("", None))[1] is None:
            self.kept.pop((account_id, key), None)
