"""Builds the moderation service: the one place where its parts are put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager

import grpc
from vultus.moderation.v1 import moderation_service_pb2_grpc

from services.common.faces import FaceDetector
from services.common.grpc_client import open_channel
from services.common.grpc_server import serve_grpc
from services.common.models import ModelStore, read_manifest
from services.common.onnx import OnnxNetwork, open_network
from services.moderation import folding, phonetics
from services.moderation.age import AgeEstimator
from services.moderation.audio import AudioJudge
from services.moderation.faces import AgedFaces
from services.moderation.image import ImageJudge
from services.moderation.image_model import OpenNsfw, Thresholds
from services.moderation.labelled_network import open_labelled_network
from services.moderation.ocr import OcrReader
from services.moderation.servicer import Judges, Limits, ModerationServicer
from services.moderation.settings import ModerationSettings
from services.moderation.speech import WhisperTranscriber
from services.moderation.statement.check import ModelledChecker, Models
from services.moderation.statement.faces import FaceRecogniser
from services.moderation.statement.mouth import MouthReader
from services.moderation.statement.speaker import SpeakerEncoder
from services.moderation.store import StorageObjects
from services.moderation.text import TextJudge, open_text_judge

SERVICE_NAME = "vultus.moderation.v1.ModerationService"
_NUDITY_MODEL, _SPEECH_MODEL = "opennsfw", "whisper-base"
_LINES_MODEL, _TEXT_MODEL = "text-finder", "text-recogniser"
_FACE_MODEL, _AGE_MODEL = "face-detector", "face-age"
_PERSON_MODEL, _MOUTH_MODEL, _VOICE_MODEL = "face-recogniser", "face-landmarks", "speaker-encoder"


@asynccontextmanager
async def serve(settings: ModerationSettings) -> AsyncIterator[str]:
    """Serves ModerationService until the block ends, then drains.

    Raises StartupError when a model is missing or altered, a word list is faulty, or a demanded
    execution provider is not there.
    """
    with (
        ThreadPoolExecutor(1, "read") as reading,
        ThreadPoolExecutor(1, "look") as looking,
        ThreadPoolExecutor(1, "listen") as listening,
    ):
        judges = await asyncio.to_thread(open_judges, settings, listening)
        async with open_channel(settings.storage_address, settings.tls) as storage:
            servicer = ModerationServicer(
                judges,
                StorageObjects(storage),
                limits_of(settings),
                reading=reading,
                looking=looking,
                listening=listening,
            )

            def register(server: grpc.aio.Server) -> None:
                moderation_service_pb2_grpc.add_ModerationServiceServicer_to_server(
                    servicer, server
                )

            async with serve_grpc(
                settings.listen,
                {SERVICE_NAME: register},
                drain_timeout_s=settings.drain_timeout_s,
                tls=settings.tls,
                health_listen=settings.health_listen,
            ) as endpoint:
                await endpoint.set_serving(True)
                yield endpoint.address


def open_judges(settings: ModerationSettings, listening: Executor) -> Judges:
    """Verifies the models and reads the lists; the speech recogniser opens when it is needed."""
    folding.warm()
    phonetics.warm()
    store = ModelStore(settings.home)
    texts = open_text_judge()
    images = _image_judge(settings, store, texts)
    transcriber = WhisperTranscriber(
        store.path(_SPEECH_MODEL), device=settings.speech_device, threads=settings.speech_threads
    )
    recordings = AudioJudge(
        transcriber,
        texts,
        _version(_SPEECH_MODEL),
        listening=listening,
        max_s=settings.max_recording_s,
    )
    statements = _statement_checker(settings, store, transcriber)
    return Judges(texts, images, recordings, statements)


def _statement_checker(
    settings: ModerationSettings, store: ModelStore, transcriber: WhisperTranscriber
) -> ModelledChecker:
    def opened(model: str) -> OnnxNetwork:
        return open_network(store.path(model), settings.onnx_providers)

    models = Models(
        FaceDetector(opened(_FACE_MODEL)),
        AgeEstimator(opened(_AGE_MODEL)),
        FaceRecogniser(opened(_PERSON_MODEL)),
        MouthReader(opened(_MOUTH_MODEL)),
        SpeakerEncoder(opened(_VOICE_MODEL)),
        transcriber,
    )
    return ModelledChecker(models, minor_from=settings.minor_review_score)


def _image_judge(settings: ModerationSettings, store: ModelStore, texts: TextJudge) -> ImageJudge:
    def opened(model: str) -> OnnxNetwork:
        return open_network(store.path(model), settings.onnx_providers)

    nudity = OpenNsfw(
        opened(_NUDITY_MODEL),
        Thresholds(settings.image_review_score, settings.image_block_score),
        _version(_NUDITY_MODEL),
    )
    recogniser = opened(_TEXT_MODEL)
    reader = OcrReader(
        opened(_LINES_MODEL),
        recogniser,
        recogniser.about,
        f"{_version(_LINES_MODEL)}+{_version(_TEXT_MODEL)}",
    )
    faces = AgedFaces(
        FaceDetector(opened(_FACE_MODEL)),
        AgeEstimator(opened(_AGE_MODEL)),
        Thresholds(settings.minor_review_score),
        f"{_version(_FACE_MODEL)}+{_version(_AGE_MODEL)}",
    )
    own = [open_labelled_network(each, settings.onnx_providers) for each in settings.image_models]
    return ImageJudge([nudity, *own], reader, faces, texts)


def limits_of(settings: ModerationSettings) -> Limits:
    """How much the settings let the service take on."""
    return Limits(
        settings.max_waiting_texts,
        settings.max_waiting_images,
        settings.max_recordings,
        settings.max_text_streams,
        settings.max_statements,
        settings.max_image_bytes,
        settings.stall_timeout_s,
    )


def _version(model: str) -> str:
    """A model's name and the beginning of its digest."""
    return f"{model}-{read_manifest()[model].files[0].sha256[:8]}"
