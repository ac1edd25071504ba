"""The fakes behind real gRPC servers, so that the gateway's clients meet the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
from vultus.lipsync.v1 import lipsync_service_pb2_grpc as lipsync_grpc
from vultus.moderation.v1 import moderation_service_pb2_grpc as moderation_grpc
from vultus.storage.v1 import account_service_pb2_grpc as accounts_grpc
from vultus.storage.v1 import asset_service_pb2_grpc as assets_grpc
from vultus.storage.v1 import audit_service_pb2_grpc as audit_grpc
from vultus.storage.v1 import catalog_service_pb2_grpc as catalog_grpc
from vultus.storage.v1 import moderation_record_service_pb2_grpc as record_of_moderation
from vultus.storage.v1 import object_service_pb2_grpc as objects_grpc
from vultus.storage.v1 import record_service_pb2_grpc as record_grpc
from vultus.storage.v1 import rights_service_pb2_grpc as rights_grpc
from vultus.storage.v1 import standing_service_pb2_grpc as standing_grpc
from vultus.storage.v1 import usage_service_pb2_grpc as usage_grpc
from vultus.tts.v1 import tts_service_pb2_grpc as tts_grpc

from services.common.grpc_server import serve_grpc
from tests.fakes.account_server import Accounts
from tests.fakes.catalog_server import Catalog
from tests.fakes.judgement_server import Judgements
from tests.fakes.media_servers import Animator, Moderator, Speaker
from tests.fakes.stage import Stage
from tests.fakes.standing_servers import Audit, Rights, Standing, Usage
from tests.fakes.storage_servers import Assets, Objects, Recorder


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
            "vultus.storage.v1.AccountService": lambda server: (
                accounts_grpc.add_AccountServiceServicer_to_server(
                    Accounts(stage),  # type: ignore[abstract]  # the rest is not implemented
                    server,
                )
            ),
            "vultus.storage.v1.CatalogService": lambda server: (
                catalog_grpc.add_CatalogServiceServicer_to_server(Catalog(stage), server)
            ),
            "vultus.storage.v1.AssetService": lambda server: (
                assets_grpc.add_AssetServiceServicer_to_server(Assets(stage), server)
            ),
            "vultus.storage.v1.ModerationRecordService": lambda server: (
                record_of_moderation.add_ModerationRecordServiceServicer_to_server(
                    Judgements(stage),  # type: ignore[abstract]  # the rest is not implemented
                    server,
                )
            ),
            "vultus.storage.v1.ObjectService": lambda server: (
                objects_grpc.add_ObjectServiceServicer_to_server(Objects(stage), server)
            ),
            "vultus.storage.v1.StandingService": lambda server: (
                standing_grpc.add_StandingServiceServicer_to_server(
                    Standing(stage),  # type: ignore[abstract]  # the rest is not implemented
                    server,
                )
            ),
            "vultus.storage.v1.AuditService": lambda server: (
                audit_grpc.add_AuditServiceServicer_to_server(
                    Audit(stage),  # type: ignore[abstract]  # the rest is not implemented
                    server,
                )
            ),
            "vultus.storage.v1.UsageService": lambda server: (
                usage_grpc.add_UsageServiceServicer_to_server(
                    Usage(stage),  # type: ignore[abstract]  # the rest is not implemented
                    server,
                )
            ),
            "vultus.storage.v1.RightsService": lambda server: (
                rights_grpc.add_RightsServiceServicer_to_server(
                    Rights(stage),  # type: ignore[abstract]  # the rest is not implemented
                    server,
                )
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
