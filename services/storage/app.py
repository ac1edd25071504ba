"""Builds the storage service: the one place where its parts are put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import grpc
from vultus.storage.v1 import catalog_service_pb2_grpc, object_service_pb2_grpc

from services.common.errors import StartupError
from services.common.grpc_server import Endpoint, serve_grpc
from services.storage.catalog.accounts import Accounts
from services.storage.catalog.avatars import Avatars
from services.storage.catalog.database import open_database
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.idempotency import Idempotency
from services.storage.catalog.migrations import migrate
from services.storage.catalog.servicer import Catalog, CatalogServicer
from services.storage.catalog.videos import Videos
from services.storage.objects.servicer import ObjectServicer
from services.storage.objects.spool import Spool
from services.storage.objects.store import ObjectStore, S3Server
from services.storage.settings import StorageSettings

_PACKAGE = "vultus.storage.v1"


@asynccontextmanager
async def serve(settings: StorageSettings) -> AsyncIterator[Endpoint]:
    """Serves the catalog and the objects until the block ends, then drains.

    Calls are welcome as soon as the S3 server has answered. Raises StartupError when the database
    can't be reached or is newer than this version, or the buckets can't be made.
    """
    spool = Spool(settings.spool)
    spool.clear()
    with ThreadPoolExecutor(settings.s3_connections, "s3") as threads:
        store = ObjectStore(_client(settings), settings.s3_bucket_prefix, threads)
        async with open_database(
            settings.database, connections=settings.database_connections
        ) as database:
            await migrate(database)
            erasures = Erasures(database, store)
            idempotency = Idempotency(database)
            catalog = CatalogServicer(
                Catalog(
                    Accounts(database),
                    Avatars(database, erasures),
                    Videos(database, erasures),
                    idempotency,
                )
            )
            objects = ObjectServicer(store, spool, max_object_bytes=settings.max_object_bytes)

            def register_catalog(server: grpc.aio.Server) -> None:
                catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(catalog, server)

            def register_objects(server: grpc.aio.Server) -> None:
                object_service_pb2_grpc.add_ObjectServiceServicer_to_server(objects, server)

            async with (
                serve_grpc(
                    settings.listen,
                    {
                        f"{_PACKAGE}.CatalogService": register_catalog,
                        f"{_PACKAGE}.ObjectService": register_objects,
                    },
                    drain_timeout_s=settings.drain_timeout_s,
                ) as endpoint,
                _running(_open_the_door(store, endpoint), erasures.run(), idempotency.run()),
            ):
                yield endpoint


async def _open_the_door(store: ObjectStore, endpoint: Endpoint) -> None:
    await store.wait_for_buckets()
    endpoint.set_serving(True)


@asynccontextmanager
async def _running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """All of it runs while the block does; what breaks ends the block."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in work]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    except* StartupError as errors:
        raise errors.exceptions[0] from None


def _client(settings: StorageSettings) -> Any:
    server = S3Server(
        settings.s3_endpoint,
        settings.s3_access_key,
        settings.s3_secret_key.get_secret_value(),
        settings.s3_secure,
        settings.s3_region,
    )
    return server.client(connections=settings.s3_connections)
