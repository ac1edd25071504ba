"""The fakes behind real gRPC servers, so that the gateway's clients meet the wire."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from vultus.lipsync.v1 import lipsync_service_pb2 as lipsync
from vultus.lipsync.v1 import lipsync_service_pb2_grpc as lipsync_grpc
from vultus.moderation.v1 import moderation_service_pb2 as moderation
from vultus.moderation.v1 import moderation_service_pb2_grpc as moderation_grpc
from vultus.storage.v1 import asset_service_pb2 as assets
from vultus.storage.v1 import asset_service_pb2_grpc as assets_grpc
from vultus.storage.v1 import catalog_service_pb2 as catalog
from vultus.storage.v1 import catalog_service_pb2_grpc as catalog_grpc
from vultus.storage.v1 import object_service_pb2 as objects
from vultus.storage.v1 import object_service_pb2_grpc as objects_grpc
from vultus.storage.v1 import record_service_pb2 as record
from vultus.storage.v1 import record_service_pb2_grpc as record_grpc
from vultus.tts.v1 import tts_service_pb2 as tts
from vultus.tts.v1 import tts_service_pb2_grpc as tts_grpc

from services.common.grpc_server import serve_grpc
from services.gateway import media, records
from services.gateway.clients import messages
from services.gateway.ports import AnimationConfig, RecordingHeader
from tests.fakes.stage import Stage

Context = Any
"""A gRPC context: the fakes look at nothing of it."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the fakes listen."""

    storage: str
    tts: str
    lipsync: str
    moderation: str

    def settings(self) -> dict[str, str]:
        """As the gateway's settings name them."""
        return {
            "storage_address": self.storage,
            "tts_address": self.tts,
            "lipsync_address": self.lipsync,
            "moderation_address": self.moderation,
        }


@asynccontextmanager
async def serve_stage(stage: Stage) -> AsyncIterator[Addresses]:
    """Serves every fake of a stage on a port of its own."""
    registrations: dict[str, dict[str, Callable[[grpc.aio.Server], None]]] = {
        "storage": {
            "vultus.storage.v1.CatalogService": lambda server: (
                catalog_grpc.add_CatalogServiceServicer_to_server(Catalog(stage), server)
            ),
            "vultus.storage.v1.AssetService": lambda server: (
                assets_grpc.add_AssetServiceServicer_to_server(Assets(stage), server)
            ),
            "vultus.storage.v1.ObjectService": lambda server: (
                objects_grpc.add_ObjectServiceServicer_to_server(Objects(stage), server)
            ),
            "vultus.storage.v1.RecordService": lambda server: (
                record_grpc.add_RecordServiceServicer_to_server(Recorder(stage), server)
            ),
        },
        "tts": {
            "vultus.tts.v1.TtsService": lambda server: tts_grpc.add_TtsServiceServicer_to_server(
                Speaker(stage), server
            )
        },
        "lipsync": {
            "vultus.lipsync.v1.LipsyncService": lambda server: (
                lipsync_grpc.add_LipsyncServiceServicer_to_server(Animator(stage), server)
            )
        },
        "moderation": {
            "vultus.moderation.v1.ModerationService": lambda server: (
                moderation_grpc.add_ModerationServiceServicer_to_server(Moderator(stage), server)
            )
        },
    }
    async with AsyncExitStack() as stack:
        addresses = {}
        for name, services in registrations.items():
            served = serve_grpc("127.0.0.1:0", services, drain_timeout_s=0)
            endpoint = await stack.enter_async_context(served)
            await endpoint.set_serving(True)
            addresses[name] = endpoint.address
        yield Addresses(**addresses)


def _time(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


class Moderator(moderation_grpc.ModerationServiceServicer):
    """Moderation."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.moderator

    async def CheckText(self, request: Any, context: Context) -> Any:
        verdict = await self._port.check_text(request.text)
        return moderation.CheckTextResponse(verdict=_verdict(verdict))

    async def CheckImage(self, request: Any, context: Context) -> Any:
        verdict = await self._port.check_image(messages.ref(request.image))
        return moderation.CheckImageResponse(verdict=_verdict(verdict))

    async def CheckAudio(self, request_iterator: Any, context: Context) -> Any:
        async def chunks() -> AsyncGenerator[media.AudioChunk, None]:
            async for request in request_iterator:
                if request.HasField("audio"):
                    yield messages.chunk(request.audio)

        verdict = await self._port.check_audio(chunks())
        return moderation.CheckAudioResponse(verdict=_verdict(verdict), language="en")

    def CheckTextStream(self, request_iterator: Any, context: Context) -> Any:
        raise NotImplementedError


def _verdict(verdict: records.Verdict) -> moderation.Verdict:
    return moderation.Verdict(
        suggestion=moderation.Suggestion.Value(f"SUGGESTION_{verdict.suggestion.upper()}"),
        categories=[moderation.Category(label=label) for label in verdict.labels],
    )


class Speaker(tts_grpc.TtsServiceServicer):
    """Text to speech."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.speaker

    async def ListVoices(self, request: Any, context: Context) -> Any:
        language = request.language if request.HasField("language") else None
        voices = await self._port.voices(language)
        return tts.ListVoicesResponse(
            voices=[
                tts.Voice(
                    id=voice.id,
                    name=voice.name,
                    language=voice.language,
                    gender=voice.gender,
                    sample_rate_hz=voice.sample_rate_hz,
                )
                for voice in voices
            ]
        )

    async def Synthesize(self, request_iterator: Any, context: Context) -> Any:
        requests = [request async for request in request_iterator]
        config, text = requests[0].config, "".join(r.text for r in requests[1:])
        spoken = self._port.speak(text, voice_id=config.voice_id, speed=config.speed)
        async for item in spoken:
            if isinstance(item, media.AudioChunk):
                yield tts.SynthesizeResponse(audio=messages.chunk_to_wire(item))
                continue
            start = tts.SegmentStart(
                text=item.text,
                start_us=item.start_us,
                duration_us=item.duration_us,
                visemes=map(messages.viseme_to_wire, item.visemes),
                words=map(messages.word_to_wire, item.words),
            )
            yield tts.SynthesizeResponse(segment_start=start)
        yield tts.SynthesizeResponse(utterance_end=tts.UtteranceEnd())


class Animator(lipsync_grpc.LipsyncServiceServicer):
    """Lip-sync."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.animator

    async def InspectPortrait(self, request: Any, context: Context) -> Any:
        await self._port.inspect(messages.ref(request.portrait))
        return lipsync.InspectPortraitResponse(width=512, height=640)

    async def PrepareAvatar(self, request: Any, context: Context) -> Any:
        yield lipsync.PrepareAvatarResponse(progress=0.5)
        pack = await self._port.prepare(
            messages.ref(request.portrait),
            pack=messages.ref(request.pack),
            preview=messages.ref(request.preview),
        )
        yield lipsync.PrepareAvatarResponse(
            pack=lipsync.AvatarPack(width=pack.width, height=pack.height)
        )

    async def Animate(self, request_iterator: Any, context: Context) -> Any:
        first = (await anext(aiter(request_iterator))).config
        config = AnimationConfig(
            messages.ref(first.pack), first.width, first.height, first.fps, first.sample_rate_hz
        )
        async for item in self._port.animate(config, _cues(request_iterator)):
            yield _drawn(item)


async def _cues(requests: AsyncIterator[Any]) -> AsyncGenerator[media.Cue, None]:
    async for request in requests:
        match request.WhichOneof("payload"):
            case "utterance_start":
                sources = {1: media.MouthSource.VISEMES, 2: media.MouthSource.AUDIO}
                start = request.utterance_start
                yield media.UtteranceStart(start.utterance_id, sources[start.mouth_source])
            case "audio":
                yield messages.chunk(request.audio)
            case "visemes":
                yield tuple(map(messages.viseme, request.visemes.visemes))
            case "utterance_end":
                yield media.UtteranceEnd()
            case "idle":
                yield media.Idle(request.idle.duration_us)


def _drawn(item: media.Drawn) -> lipsync.AnimateResponse:
    match item:
        case media.Frame():
            return lipsync.AnimateResponse(frame=messages.frame_to_wire(item))
        case media.AudioChunk():
            return lipsync.AnimateResponse(audio=messages.chunk_to_wire(item))
        case media.AnimationStarted(width, height, fps, rate):
            started = lipsync.AnimateStarted(
                width=width, height=height, fps=fps, sample_rate_hz=rate
            )
            return lipsync.AnimateResponse(started=started)
        case media.UtteranceStarted(utterance_id, at_us):
            begun = lipsync.UtteranceStarted(utterance_id=utterance_id, at_us=at_us)
            return lipsync.AnimateResponse(utterance_started=begun)
        case media.UtteranceEnded(utterance_id, at_us):
            ended = lipsync.UtteranceEnded(utterance_id=utterance_id, at_us=at_us)
            return lipsync.AnimateResponse(utterance_ended=ended)


class Recorder(record_grpc.RecordServiceServicer):
    """Storage's muxer."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.recorder

    async def Record(self, request_iterator: Any, context: Context) -> Any:
        first = (await anext(aiter(request_iterator))).header
        header = RecordingHeader(
            messages.ref(first.content),
            messages.ref(first.words) if first.HasField("words") else None,
            first.width,
            first.height,
            first.fps,
            first.sample_rate_hz,
        )
        stored = await self._port.record(header, _recordable(request_iterator))
        return record.RecordResponse(duration_s=stored.duration_s, size_bytes=stored.size_bytes)


async def _recordable(requests: AsyncIterator[Any]) -> AsyncGenerator[media.Recordable, None]:
    async for request in requests:
        match request.WhichOneof("payload"):
            case "frame":
                yield messages.frame(request.frame)
            case "audio":
                yield messages.chunk(request.audio)
            case "words":
                yield tuple(map(messages.word, request.words.words))
            case "end":
                return
    raise AssertionError("the recording broke off")


class Objects(objects_grpc.ObjectServiceServicer):
    """Storage's bytes."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.objects

    async def Put(self, request_iterator: Any, context: Context) -> Any:
        requests = [request async for request in request_iterator]
        content = b"".join(request.data for request in requests[1:])
        self._port.kept[messages.ref(requests[0].header.object)] = content
        digest = hashlib.sha256(content).hexdigest()
        return objects.PutResponse(size_bytes=len(content), sha256=digest)

    async def Get(self, request: Any, context: Context) -> Any:
        stored, data = await self._port.open(
            messages.ref(request.object),
            offset=request.offset,
            length=request.length if request.HasField("length") else None,
        )
        header = objects.GetHeader(content_type=stored.content_type, size_bytes=stored.size_bytes)
        yield objects.GetResponse(header=header)
        async for block in data:
            yield objects.GetResponse(data=block)

    async def Delete(self, request: Any, context: Context) -> Any:
        await self._port.delete([messages.ref(ref) for ref in request.objects])
        return objects.DeleteResponse()

    async def Presign(self, request: Any, context: Context) -> Any:
        raise NotImplementedError


class Assets(assets_grpc.AssetServiceServicer):
    """Storage's uploads."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.assets

    async def UploadAsset(self, request_iterator: Any, context: Context) -> Any:
        header = (await anext(aiter(request_iterator))).header

        async def data() -> AsyncIterator[bytes]:
            async for request in request_iterator:
                yield request.data

        asset = await self._port.upload(
            header.account_id,
            file_name=header.file_name,
            accept_kinds=tuple(header.accept_kinds),
            data=data(),
        )
        return assets.UploadAssetResponse(asset=_asset(asset))

    async def GetAsset(self, request: Any, context: Context) -> Any:
        asset = await self._port.get(request.account_id, request.asset_id)
        return assets.GetAssetResponse(asset=_asset(asset))

    async def ListAssets(self, request: Any, context: Context) -> Any:
        page = await self._port.list(request.account_id, limit=request.limit, cursor=request.cursor)
        return assets.ListAssetsResponse(
            assets=map(_asset, page.items), next_cursor=page.next_cursor
        )

    async def DeleteAsset(self, request: Any, context: Context) -> Any:
        await self._port.delete(request.account_id, request.asset_id)
        return assets.DeleteAssetResponse()


def _asset(asset: records.Asset) -> assets.Asset:
    return assets.Asset(
        id=asset.id,
        kind=asset.kind,
        content_type=asset.content_type,
        file_name=asset.file_name,
        size_bytes=asset.size_bytes,
        sha256=asset.sha256,
        duration_s=asset.duration_s,
        width=asset.width,
        height=asset.height,
        object=messages.ref_to_wire(asset.object),
        picture=messages.ref_to_wire(asset.picture) if asset.picture else None,
        created_at=_time(asset.created_at),
    )


def _key(key: records.ApiKey) -> catalog.ApiKey:
    return catalog.ApiKey(
        id=key.id,
        account_id=key.account_id,
        name=key.name,
        prefix=key.prefix,
        created_at=_time(key.created_at),
        last_used_at=_time(key.last_used_at),
        revoked_at=_time(key.revoked_at),
    )


def _account(account: records.Account) -> catalog.Account:
    return catalog.Account(
        id=account.id,
        name=account.name,
        webhook_secret=account.webhook_secret,
        created_at=_time(account.created_at),
    )


def _avatar(avatar: records.Avatar) -> catalog.Avatar:
    return catalog.Avatar(
        id=avatar.id,
        account_id=avatar.account_id,
        kind=avatar.kind,
        name=avatar.name,
        status=messages.avatar_status_to_wire(avatar.status),
        error=messages.trouble_to_wire(avatar.error),
        width=avatar.width,
        height=avatar.height,
        portrait=messages.ref_to_wire(avatar.portrait),
        pack=messages.ref_to_wire(avatar.pack),
        preview=messages.ref_to_wire(avatar.preview),
        created_at=_time(avatar.created_at),
    )


def _video(video: records.Video) -> catalog.Video:
    return catalog.Video(
        id=video.id,
        account_id=video.account_id,
        spec=messages.spec_to_wire(video.spec),
        status=messages.video_status_to_wire(video.status),
        progress=video.progress,
        queue_position=video.queue_position,
        duration_s=video.duration_s,
        width=video.width,
        height=video.height,
        size_bytes=video.size_bytes,
        error=messages.trouble_to_wire(video.error),
        metadata=messages.metadata_to_wire(video.metadata),
        webhook_url=video.webhook_url,
        cancel_requested=video.cancel_requested,
        attempts=video.attempts,
        content=messages.ref_to_wire(video.content) if video.content else None,
        words=messages.ref_to_wire(video.words) if video.words else None,
        created_at=_time(video.created_at),
        started_at=_time(video.started_at),
        finished_at=_time(video.finished_at),
        deleted_at=_time(video.deleted_at),
    )


class Catalog(catalog_grpc.CatalogServiceServicer):
    """Storage's record of what exists."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def CreateAccount(self, request: Any, context: Context) -> Any:
        account, _ = self._stage.accounts.add(request.name)
        return catalog.CreateAccountResponse(account=_account(account))

    async def GetAccount(self, request: Any, context: Context) -> Any:
        account = await self._stage.accounts.account(request.account_id)
        return catalog.GetAccountResponse(account=_account(account))

    async def ListAccounts(self, request: Any, context: Context) -> Any:
        accounts = self._stage.accounts.accounts.values()
        return catalog.ListAccountsResponse(accounts=map(_account, accounts))

    async def CreateApiKey(self, request: Any, context: Context) -> Any:
        key, secret = await self._stage.accounts.create_key(request.account_id, request.name)
        return catalog.CreateApiKeyResponse(key=_key(key), secret=secret)

    async def ListApiKeys(self, request: Any, context: Context) -> Any:
        keys = await self._stage.accounts.list_keys(request.account_id)
        return catalog.ListApiKeysResponse(keys=map(_key, keys))

    async def RevokeApiKey(self, request: Any, context: Context) -> Any:
        key = await self._stage.accounts.revoke_key(request.account_id, request.key_id)
        return catalog.RevokeApiKeyResponse(key=_key(key))

    async def AuthenticateApiKey(self, request: Any, context: Context) -> Any:
        key = await self._stage.accounts.authenticate(request.secret)
        return catalog.AuthenticateApiKeyResponse(key=_key(key))

    async def CreateAvatar(self, request: Any, context: Context) -> Any:
        avatar = await self._stage.avatars.create(
            request.account_id,
            name=request.name,
            asset_id=request.asset_id,
            owns_asset=request.owns_asset,
        )
        return catalog.CreateAvatarResponse(avatar=_avatar(avatar))

    async def GetAvatar(self, request: Any, context: Context) -> Any:
        avatar = await self._stage.avatars.get(request.account_id, request.avatar_id)
        return catalog.GetAvatarResponse(avatar=_avatar(avatar))

    async def ListAvatars(self, request: Any, context: Context) -> Any:
        page = await self._stage.avatars.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return catalog.ListAvatarsResponse(
            avatars=map(_avatar, page.items), next_cursor=page.next_cursor
        )

    async def FinishAvatar(self, request: Any, context: Context) -> Any:
        ready = request.status == catalog.AVATAR_STATUS_READY
        avatar = await self._stage.avatars.finish(
            request.account_id,
            request.avatar_id,
            messages.avatar_status(request.status),
            error=messages.trouble(request.error) if request.HasField("error") else None,
            pack=records.AvatarPack(request.width, request.height) if ready else None,
        )
        return catalog.FinishAvatarResponse(avatar=_avatar(avatar))

    async def DeleteAvatar(self, request: Any, context: Context) -> Any:
        await self._stage.avatars.delete(request.account_id, request.avatar_id)
        return catalog.DeleteAvatarResponse()

    async def CreateVideo(self, request: Any, context: Context) -> Any:
        new = records.NewVideo(
            messages.spec(request.spec), messages.metadata(request.metadata), request.webhook_url
        )
        video = await self._stage.videos.create(request.account_id, new)
        return catalog.CreateVideoResponse(video=_video(video))

    async def GetVideo(self, request: Any, context: Context) -> Any:
        video = await self._stage.videos.get(request.account_id, request.video_id)
        return catalog.GetVideoResponse(video=_video(video))

    async def ListVideos(self, request: Any, context: Context) -> Any:
        page = await self._stage.videos.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return catalog.ListVideosResponse(
            videos=map(_video, page.items), next_cursor=page.next_cursor
        )

    async def LeaseVideo(self, request: Any, context: Context) -> Any:
        video = await self._stage.videos.lease(
            request.account_id, request.video_id, holder=request.holder, lease_s=request.lease_s
        )
        return catalog.LeaseVideoResponse(video=_video(video))

    async def UpdateVideo(self, request: Any, context: Context) -> Any:
        made = request.result
        result = records.VideoResult(
            messages.ref(made.content),
            messages.ref(made.words) if made.HasField("words") else None,
            made.duration_s,
            made.width,
            made.height,
            made.size_bytes,
        )
        video = await self._stage.videos.update(
            request.account_id,
            request.video_id,
            holder=request.holder,
            status=messages.video_status(request.status),
            progress=request.progress,
            error=messages.trouble(request.error) if request.HasField("error") else None,
            result=result if request.HasField("result") else None,
        )
        return catalog.UpdateVideoResponse(video=_video(video))

    async def CancelVideo(self, request: Any, context: Context) -> Any:
        video = await self._stage.videos.cancel(request.account_id, request.video_id)
        return catalog.CancelVideoResponse(video=_video(video))

    async def DeleteVideo(self, request: Any, context: Context) -> Any:
        await self._stage.videos.delete(request.account_id, request.video_id)
        return catalog.DeleteVideoResponse()

    async def ListStrandedJobs(self, request: Any, context: Context) -> Any:
        stranded = await self._stage.videos.stranded(idle_s=request.idle_s)
        return catalog.ListStrandedJobsResponse(
            videos=map(_video, stranded.videos), avatars=map(_avatar, stranded.avatars)
        )

    async def BeginIdempotent(self, request: Any, context: Context) -> Any:
        answer = await self._stage.idempotency.begin(
            request.account_id, request.key, request.request_sha256
        )
        if answer is None:
            return catalog.BeginIdempotentResponse()
        kept = catalog.IdempotentAnswer(status=answer.status, body=answer.body)
        return catalog.BeginIdempotentResponse(answer=kept)

    async def CompleteIdempotent(self, request: Any, context: Context) -> Any:
        answer = records.Answer(request.answer.status, request.answer.body)
        await self._stage.idempotency.complete(request.account_id, request.key, answer)
        return catalog.CompleteIdempotentResponse()

    async def AbandonIdempotent(self, request: Any, context: Context) -> Any:
        await self._stage.idempotency.abandon(request.account_id, request.key)
        return catalog.AbandonIdempotentResponse()
