"""The gateway's clients and the whole storage service, each known to the other by certificate."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.errors import Forbidden, Unavailable
from services.common.grpc_client import open_channel
from services.common.tls import Tls
from services.gateway.clients.accounts import GrpcAccounts
from services.local.certificates import certify_all
from services.storage.app import serve
from services.storage.settings import StorageSettings
from tests.integration.storage.conftest import CREDENTIALS, SeaweedFs


async def test_storage_hears_its_peers_and_nobody_else(
    seaweedfs: SeaweedFs, tmp_path: Path
) -> None:
    certify_all(("storage", "gateway", "tts"), tmp_path / "tls")
    certify_all(("gateway",), tmp_path / "foreign")
    settings = StorageSettings.model_validate(
        {
            "home": tmp_path,
            "s3_endpoint": seaweedfs.endpoint,
            "s3_access_key": CREDENTIALS.access_key,
            "s3_secret_key": CREDENTIALS.secret_key,
            "s3_bucket_prefix": "mutual-",
            "drain_timeout_s": 0,
            "tls_folder": tmp_path / "tls" / "storage",
            "tls_peers": ("gateway",),
        }
    )
    async with serve(settings) as address:

        async def made(tls: Tls | None) -> str:
            async with open_channel(address, tls) as channel:
                return (await GrpcAccounts(channel).create_account("Ada")).name

        assert await made(Tls.load(tmp_path / "tls" / "gateway")) == "Ada"
        with pytest.raises(Forbidden):
            await made(Tls.load(tmp_path / "tls" / "tts"))
        with pytest.raises(Unavailable):
            await made(Tls.load(tmp_path / "foreign" / "gateway"))
        with pytest.raises(Unavailable):
            await made(None)
