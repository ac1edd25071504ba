"""The catalog in memory, with the leases and conflicts of the real one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from services.common.errors import (
    AccountNotFound,
    ApiKeyNotFound,
    AvatarNotFound,
    IdempotencyConflict,
    IdempotencyInProgress,
    InvalidInput,
    StateConflict,
    Unauthenticated,
    VideoNotFound,
)
from services.common.ids import new_id
from services.gateway.media import ObjectRef
from services.gateway.records import (
    Account,
    Answer,
    ApiKey,
    Avatar,
    AvatarPack,
    AvatarStatus,
    NewVideo,
    Page,
    Stranded,
    Trouble,
    Video,
    VideoResult,
    VideoStatus,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="  # noqa: S105 - of no account


@dataclass
class FakeAccounts:
    """Accounts and keys."""

    accounts: dict[str, Account] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    asked: int = 0

    def add(self, name: str = "first") -> tuple[Account, str]:
        account = Account(new_id("ac"), name, SECRET, START)
        self.accounts[account.id] = account
        _, secret = self._new_key(account.id, "first")
        return account, secret

    async def account(self, account_id: str) -> Account:
        if account_id not in self.accounts:
            raise AccountNotFound("no such account")
        return self.accounts[account_id]

    async def authenticate(self, secret: str) -> ApiKey:
        self.asked += 1
        key = self.keys.get(secret)
        if key is None or key.revoked_at is not None:
            raise Unauthenticated("the API key is not valid")
        return key

    async def create_key(self, account_id: str, name: str) -> tuple[ApiKey, str]:
        return self._new_key(account_id, name)

    async def list_keys(self, account_id: str) -> Sequence[ApiKey]:
        return [key for key in reversed(self.keys.values()) if key.account_id == account_id]

    async def revoke_key(self, account_id: str, key_id: str) -> ApiKey:
        for secret, key in self.keys.items():
            if key.id == key_id and key.account_id == account_id:
                self.keys[secret] = replace(key, revoked_at=START)
                return self.keys[secret]
        raise ApiKeyNotFound("no such key")

    def _new_key(self, account_id: str, name: str) -> tuple[ApiKey, str]:
        secret = f"vk_{new_id('zz')}"
        key = ApiKey(new_id("key"), account_id, name, secret[:8], START, None, None)
        self.keys[secret] = key
        return key, secret


@dataclass
class FakeAvatars:
    """Avatars of all accounts."""

    kept: dict[str, Avatar] = field(default_factory=dict)
    owned_assets: list[str] = field(default_factory=list)

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
            created_at=START,
        )
        self.kept[avatar.id] = avatar
        return avatar

    async def create(
        self, account_id: str, *, name: str, asset_id: str, owns_asset: bool
    ) -> Avatar:
        avatar = replace(self.add(account_id, AvatarStatus.PREPARING), name=name)
        self.kept[avatar.id] = avatar
        if owns_asset:
            self.owned_assets.append(asset_id)
        return avatar

    async def get(self, account_id: str, avatar_id: str) -> Avatar:
        avatar = self.kept.get(avatar_id)
        if avatar is None or avatar.account_id != account_id:
            raise AvatarNotFound("no such avatar")
        return avatar

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Avatar]:
        if not cursor.isdecimal() and cursor:
            raise InvalidInput("this cursor is of no list")
        mine = [a for a in reversed(self.kept.values()) if a.account_id == account_id]
        first = int(cursor or 0)
        following = str(first + limit) if len(mine) > first + limit else ""
        return Page(tuple(mine[first : first + limit]), following)

    async def finish(
        self,
        account_id: str,
        avatar_id: str,
        status: AvatarStatus,
        *,
        error: Trouble | None = None,
        pack: AvatarPack | None = None,
    ) -> Avatar:
        avatar = await self.get(account_id, avatar_id)
        if avatar.status is not AvatarStatus.PREPARING:
            raise StateConflict("the avatar is no longer preparing")
        width, height = (pack.width, pack.height) if pack else (0, 0)
        self.kept[avatar_id] = replace(
            avatar, status=status, error=error, width=width, height=height
        )
        return self.kept[avatar_id]

    async def delete(self, account_id: str, avatar_id: str) -> None:
        await self.get(account_id, avatar_id)
        del self.kept[avatar_id]


@dataclass
class FakeVideos:
    """Video jobs of all accounts; leases run out by `now`."""

    now: Callable[[], datetime] = lambda: START
    kept: dict[str, Video] = field(default_factory=dict)
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    history: list[tuple[VideoStatus, float]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    """Raised by the next updates, one each."""
    updated: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at each update."""

    async def create(self, account_id: str, new: NewVideo) -> Video:
        video = Video(
            id=new_id("vd"),
            account_id=account_id,
            spec=new.spec,
            status=VideoStatus.QUEUED,
            progress=0.0,
            queue_position=sum(v.status is VideoStatus.QUEUED for v in self.kept.values()),
            duration_s=None,
            width=new.spec.width,
            height=new.spec.height,
            size_bytes=None,
            error=None,
            metadata=new.metadata,
            webhook_url=new.webhook_url,
            cancel_requested=False,
            attempts=0,
            content=None,
            words=None,
            created_at=START,
            started_at=None,
            finished_at=None,
            deleted_at=None,
        )
        self.kept[video.id] = video
        return video

    async def get(self, account_id: str, video_id: str) -> Video:
        video = self.kept.get(video_id)
        if video is None or video.account_id != account_id:
            raise VideoNotFound("no such video")
        return video

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Video]:
        mine = [v for v in reversed(self.kept.values()) if v.account_id == account_id]
        return Page(tuple(mine[:limit]), "")

    async def cancel(self, account_id: str, video_id: str) -> Video:
        video = await self.get(account_id, video_id)
        if video.ended:
            return video
        queued = video.status is VideoStatus.QUEUED
        status = VideoStatus.CANCELLED if queued else video.status
        return self._keep(replace(video, cancel_requested=True, status=status))

    async def delete(self, account_id: str, video_id: str) -> None:
        video = await self.get(account_id, video_id)
        status = video.status if video.ended else VideoStatus.CANCELLED
        self.leases.pop(video_id, None)
        self._keep(replace(video, status=status, deleted_at=START, content=None, words=None))

    async def lease(self, account_id: str, video_id: str, *, holder: str, lease_s: int) -> Video:
        video = await self.get(account_id, video_id)
        held = self.leases.get(video_id)
        if video.ended or (held and held[0] != holder and held[1] > self.now()):
            raise StateConflict("another holds it")
        self.leases[video_id] = (holder, self.now() + timedelta(seconds=lease_s))
        begun = not held or held[0] != holder
        return self._keep(replace(video, attempts=video.attempts + begun))

    async def update(
        self,
        account_id: str,
        video_id: str,
        *,
        holder: str,
        status: VideoStatus,
        progress: float,
        error: Trouble | None = None,
        result: VideoResult | None = None,
    ) -> Video:
        if self.failures:
            raise self.failures.pop(0)
        video = await self.get(account_id, video_id)
        held = self.leases.get(video_id)
        if video.ended or held is None or held[0] != holder:
            raise StateConflict("the lease is lost")
        self.history.append((status, progress))
        self.updated.set()
        video = replace(video, status=status, progress=progress, error=error)
        if result:
            video = replace(
                video,
                content=result.content,
                words=result.words,
                duration_s=result.duration_s,
                width=result.width,
                height=result.height,
                size_bytes=result.size_bytes,
            )
        if video.ended or status is VideoStatus.QUEUED:
            self.leases.pop(video_id)
        return self._keep(video)

    async def stranded(self, *, idle_s: int) -> Stranded:
        waiting = [video for video in self.kept.values() if not video.ended]
        return Stranded(tuple(v for v in waiting if v.id not in self.leases), ())

    def put(self, video: Video, **changes: object) -> Video:
        """Changes a job behind everybody's back."""
        return self._keep(replace(video, **changes))  # type: ignore[arg-type]  # any field

    def _keep(self, video: Video) -> Video:
        self.kept[video.id] = video
        return video


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
        digest, _ = self.kept[account_id, key]
        self.kept[account_id, key] = (digest, answer)

    async def abandon(self, account_id: str, key: str) -> None:
        self.kept.pop((account_id, key), None)
