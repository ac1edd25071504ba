"""Builds the lipsync service: the one place where its parts are put together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import cv2
import grpc
import structlog
from vultus.lipsync.v1 import lipsync_service_pb2_grpc

from services.common.grpc_client import open_channel
from services.common.grpc_server import serve_grpc
from services.common.models import ModelStore
from services.common.onnx import CUDA
from services.lipsync.capacity import Capacity, measured_room
from services.lipsync.motion.voice import OnnxMouthNetwork
from services.lipsync.pack import AvatarPack
from services.lipsync.portrait import FaceModels, PackBuilder, PortraitInspector
from services.lipsync.servicer import Limits, LipsyncServicer
from services.lipsync.session import SessionLimits
from services.lipsync.settings import LipsyncSettings
from services.lipsync.store import PackCache, StorageObjects
from services.lipsync.studio import Batched, PictureStudio

log = structlog.get_logger()

SERVICE_NAME = "vultus.lipsync.v1.LipsyncService"


@asynccontextmanager
async def serve(settings: LipsyncSettings) -> AsyncIterator[str]:
    """Serves LipsyncService until the block ends, then drains.

    Raises StartupError when a model is missing or altered, or a demanded execution provider is not
    there.
    """
    # Each animation has its thread already; more of them would only get in each other's way.
    cv2.setNumThreads(1)
    studio = await asyncio.to_thread(open_studio, settings)
    capacity = await asyncio.to_thread(capacity_of, settings, studio)
    network = OnnxMouthNetwork(providers=settings.onnx_providers)
    with (
        ThreadPoolExecutor(settings.render_threads, "draw") as drawing,
        ThreadPoolExecutor(settings.max_preparations, "prepare") as preparing,
    ):
        async with open_channel(settings.storage_address, settings.tls) as storage:
            objects = StorageObjects(storage)
            packs = PackCache(
                objects,
                AvatarPack.from_bytes,
                settings.cache_folder,
                max_open=settings.pack_cache_open,
                max_disk_bytes=settings.pack_cache_bytes,
            )
            servicer = LipsyncServicer(
                studio,
                objects,
                packs,
                network,
                capacity,
                limits_of(settings),
                drawing=drawing,
                preparing=preparing,
            )

            def register(server: grpc.aio.Server) -> None:
                lipsync_service_pb2_grpc.add_LipsyncServiceServicer_to_server(servicer, server)

            async with (
                serve_grpc(
                    settings.listen,
                    {SERVICE_NAME: register},
                    drain_timeout_s=settings.drain_timeout_s,
                    tls=settings.tls,
                    health_listen=settings.health_listen,
                ) as endpoint,
                _running(packs.run()),
            ):
                await endpoint.set_serving(True)
                yield endpoint.address


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """It runs while the block does; when it breaks it ends the block."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        try:
            yield
        finally:
            task.cancel()


def open_studio(settings: LipsyncSettings) -> PictureStudio:
    """Verifies and opens the models."""
    store = ModelStore(settings.home)
    models = FaceModels.open(
        store.path("face-detector"),
        store.path("face-landmarks"),
        store.path("selfie-segmentation"),
        settings.onnx_providers,
    )
    inspector = PortraitInspector(models)
    return PictureStudio(
        inspector, PackBuilder(inspector, models), batched_drawing(settings.onnx_providers)
    )


def batched_drawing(providers: Sequence[str]) -> Batched | None:
    """What draws all sessions together on a GPU; None where OpenCV on the CPU is faster."""
    if CUDA not in providers:
        return None
    # It brings the library that writes graphs, of which nobody else has any use.
    from services.lipsync.gpu.batched import BatchedDrawing

    return BatchedDrawing(providers)


def limits_of(settings: LipsyncSettings) -> Limits:
    """How much the settings let the service take on."""
    session = SessionLimits(
        max_queued_us=int(settings.max_queued_s * 1_000_000), stall_s=settings.stall_timeout_s
    )
    return Limits(settings.max_waiting_portraits, session)


def capacity_of(settings: LipsyncSettings, studio: PictureStudio) -> Capacity:
    """How many animations the settings, or else a measurement, let the service take on."""
    if settings.max_sessions is not None:
        return Capacity(settings.max_sessions)
    portrait = ModelStore(settings.home).path("demo-portrait").read_bytes()
    threads = min(settings.render_threads, len(os.sched_getaffinity(0)))
    room = measured_room(studio, portrait, threads)
    log.info("capacity.measured", animations=round(room, 1))
    return Capacity(room)
