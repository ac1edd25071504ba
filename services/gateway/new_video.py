"""What a video job is made of, decided before it is recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from services.common.errors import (
    AvatarNotReady,
    Unavailable,
    UnsupportedMedia,
    VoiceNotFound,
)
from services.gateway import texts
from services.gateway.backgrounds import Backgrounds
from services.gateway.jobs import Jobs
from services.gateway.marks import mark_text
from services.gateway.media import MarkText
from services.gateway.ports import Assets, Avatars, Speaker, Videos
from services.gateway.records import AvatarStatus, NewVideo, Video, VideoSpec
from services.gateway.sizes import size_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is taken where the caller leaves it open."""

    english_voice: str
    chinese_voice: str
    max_text_characters: int


class VideoMaker:
    """Checks what can be checked at once, records the job and queues it."""

    def __init__(
        self,
        videos: Videos,
        avatars: Avatars,
        assets: Assets,
        speaker: Speaker,
        jobs: Jobs,
        backgrounds: Backgrounds,
        defaults: Defaults,
    ) -> None:
        self._videos = videos
        self._avatars = avatars
        self._assets = assets
        self._speaker = speaker
        self._jobs = jobs
        self._backgrounds = backgrounds
        self._defaults = defaults

    async def create(self, account_id: str, wish: NewVideo) -> Video:
        """The recorded job. A width or height of 0 is left open, so is an empty voice."""
        if wish.spec.text is not None:
            texts.check(wish.spec.text, max_characters=self._defaults.max_text_characters)
        avatar = await self._avatars.get(account_id, wish.spec.avatar_id)
        if avatar.status is not AvatarStatus.READY:
            raise AvatarNotReady(f"the avatar is {avatar.status.value}")
        width, height = size_of(avatar, wish.spec.width, wish.spec.height)
        spec = replace(wish.spec, width=width, height=height)
        if spec.text is not None:
            voice_id, mark = await self._voice(spec)
            spec = replace(spec, voice_id=voice_id, look=replace(spec.look, mark=mark))
        else:
            await self._require_sound(account_id, spec.audio_asset_id or "")
        await self._backgrounds.approved(account_id, spec.look.background)
        video = await self._videos.create(account_id, replace(wish, spec=spec))
        try:
            await self._jobs.make_video(video)
        except Unavailable as error:
            # It is recorded: a worker will find it standing still and queue it again.
            log.warning("video.not_queued", video_id=video.id, reason=error.reason)
        return video

    async def _voice(self, spec: VideoSpec) -> tuple[str, MarkText]:
        """The voice, and the mark of its language."""
        if not spec.voice_id:
            if texts.is_chinese(spec.text or ""):
                return self._defaults.chinese_voice, MarkText.CHINESE
            return self._defaults.english_voice, MarkText.ENGLISH
        for voice in await self._speaker.voices():
            if voice.id == spec.voice_id:
                return voice.id, mark_text(voice.language)
        raise VoiceNotFound("no such voice; GET /v1/voices lists them")

    async def _require_sound(self, account_id: str, asset_id: str) -> None:
        asset = await self._assets.get(account_id, asset_id)
        if asset.kind != "audio":
            raise UnsupportedMedia("the asset is not a recording")
