"""What leads out of the region stops the start, and is named."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import SecretStr, ValidationError

from services.common.residency import Residency, hosts_of
from services.common.settings import ServiceSettings
from services.gateway.live.ice import IceServer
from services.gateway.settings import GatewaySettings, WorkerSettings
from services.lipsync.settings import LipsyncSettings
from services.moderation.settings import ModerationSettings
from services.storage.settings import StorageSettings
from services.tts.settings import TtsSettings

CN = Residency.model_validate(
    {
        "hosts": [".cn-north-1.example.cn", "postgres"],
        "networks": ["10.0.0.0/8", "fd00::/8"],
        "s3_regions": ["cn-north-1"],
    }
)
STORAGE = {
    "region": "cn",
    "residency": CN,
    "s3_endpoint": "s3.cn-north-1.example.cn:443",
    "s3_access_key": "a",
    "s3_secret_key": "b",
    "s3_region": "cn-north-1",
    "database_url": "postgresql://ada:secret@postgres/vultus",
}


@pytest.mark.parametrize(
    "host",
    [
        "s3.cn-north-1.example.cn",
        "S3.CN-NORTH-1.example.cn.",
        "postgres",
        "10.1.2.3",
        "fd00::7",
        "127.0.0.1",
        "::1",
        "localhost",
    ],
)
def test_hosts_of_the_region_and_this_machine_are_inside(host: str) -> None:
    assert CN.holds(host)


@pytest.mark.parametrize(
    "host",
    [
        "s3.eu-west-1.example.com",
        "cn-north-1.example.cn.evil.com",
        "evilcn-north-1.example.cn",
        "postgres.example.com",
        "11.0.0.1",
        "fe80::1",
        "",
    ],
)
def test_all_others_are_outside(host: str) -> None:
    assert not CN.holds(host)


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("host:443", ["host"]),
        ("[fd00::7]:443", ["fd00::7"]),
        ("nats://u:p@a:4222,nats://b:4222", ["a", "b"]),
        (SecretStr("postgresql://u:p@h/d?host=i"), ["h", "i"]),
        ("sqlite:////var/lib/catalog.sqlite", []),
        ("turn:t.example.com:3478?transport=udp", ["t.example.com"]),
        ((IceServer(urls=["stun:s", "turns:t:5349"]),), ["s", "t"]),
        (None, []),
        ("", []),
    ],
)
def test_hosts_are_found_in_settings(value: object, hosts: list[str]) -> None:
    assert list(hosts_of(value)) == hosts


def test_settings_inside_the_region_are_good() -> None:
    assert StorageSettings.model_validate(STORAGE).region == "cn"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"s3_endpoint": "s3.eu.example.com:443"}, "VULTUS_STORAGE_S3_ENDPOINT: s3.eu.example.com"),
        ({"s3_region": "eu-west-1"}, "VULTUS_STORAGE_S3_REGION: eu-west-1"),
        ({"database_url": "postgresql://u:s3cret@db.eu/v"}, "VULTUS_STORAGE_DATABASE_URL: db.eu"),
    ],
)
def test_what_leads_out_of_the_region_is_named_and_no_secret(
    change: Mapping[str, str], told: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        StorageSettings.model_validate({**STORAGE, **change})
    message = str(raised.value)
    assert f"{told} lies outside the region cn" in message
    assert "s3cret" not in message
    elsewhere = StorageSettings.model_validate({**STORAGE, **change, "region": None})
    assert elsewhere.region is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"nats_url": "nats://nats.eu:4222"}, "NATS_URL"),
        ({"tts_address": "tts.eu:9000"}, "TTS_ADDRESS"),
        ({"ice_servers": [{"urls": ["turn:turn.eu:3478"]}]}, "ICE_SERVERS"),
        (
            {"code_webhook_url": "https://sms.eu/send", "code_webhook_secret": "whsec_" + "A" * 44},
            "CODE_WEBHOOK_URL",
        ),
    ],
)
def test_the_gateways_peers_stay_in_the_region_too(change: Mapping[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=f"VULTUS_GATEWAY_{told}"):
        GatewaySettings.model_validate({"region": "cn", "residency": CN, **change})


@pytest.mark.parametrize(
    "settings",
    [
        GatewaySettings,
        WorkerSettings,
        TtsSettings,
        LipsyncSettings,
        ModerationSettings,
        StorageSettings,
    ],
)
def test_no_setting_names_a_host_under_a_name_that_is_not_looked_at(
    settings: type[ServiceSettings],
) -> None:
    ends = ("_url", "_urls", "_endpoint", "_address", "ice_servers")
    suspicious = ("host", "server", "endpoint", "uri", "url")
    missed = {
        name
        for name in settings.model_fields
        if any(word in name for word in suspicious) and not name.endswith(ends)
    }
    assert not missed
