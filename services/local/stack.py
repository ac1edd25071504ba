"""What the stack is made of: every process with its port and its settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.tls import Tls
from services.local.certificates import certify_all
from services.local.infrastructure import (
    NATS_PORTS,
    S3_PORTS,
    S3Credentials,
    nats_server,
    s3_credentials,
    s3_server,
)
from services.local.ports import LOOPBACK, choose_ports, require_free
from services.local.probes import Probe, grpc_serving, http_ok
from services.local.process import ProcessSpec
from services.local.settings import LocalSettings
from services.local.state import HomeFolders

Stage = Sequence[ProcessSpec]
"""Processes that start at the same time."""

_BEHIND_THE_GATEWAY = ("storage", "tts", "lipsync", "moderation")
_EDGE = ("gateway", "worker")
_CALLERS = {"storage": (*_EDGE, "lipsync", "moderation")}
"""Who calls a service, where that is more than the edge."""
_OPERATOR = "operator"
"""The name that the supervisor is certified under."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything of one installation is."""

    folders: HomeFolders
    ports: Mapping[str, int]
    s3: S3Credentials
    certificates: Path | None = None
    """Folder of each process's certificates, where they speak by mutual TLS."""

    @classmethod
    def choose(cls, settings: LocalSettings) -> Layout:
        """Picks free ports and makes secrets, both as last time where that is possible.

        Raises StartupError when the gateway's port is in use.
        """
        folders = HomeFolders(settings.home.resolve())
        names = (*NATS_PORTS, *S3_PORTS, *_BEHIND_THE_GATEWAY, "worker", "gateway")
        ports = dict(choose_ports(names, folders.run / "ports.json"))
        if settings.gateway_port:
            require_free(settings.gateway_port, "VULTUS_GATEWAY_PORT")
            ports["gateway"] = settings.gateway_port
        certificates = folders.secrets / "tls" if settings.tls else None
        if certificates:
            certify_all((*_BEHIND_THE_GATEWAY, "worker", "gateway", _OPERATOR), certificates)
        return cls(folders, ports, s3_credentials(folders.secrets / "s3.json"), certificates)

    def address(self, name: str) -> str:
        """`host:port` of a process."""
        return f"{LOOPBACK}:{self.ports[name]}"

    @property
    def tls(self) -> Tls | None:
        """By which the supervisor speaks to the services."""
        return Tls.load(self.certificates / _OPERATOR) if self.certificates else None

    @property
    def url(self) -> str:
        """Of the HTTP API."""
        return f"http://{self.address('gateway')}"


def infrastructure(layout: Layout) -> Stage:
    """The servers that the services stand on."""
    folders = layout.folders
    return (
        nats_server(layout.ports, folders.data / "nats"),
        s3_server(layout.ports, folders.data / "s3", layout.s3, folders.secrets / "weed.json"),
    )


def services(layout: Layout) -> Sequence[Stage]:
    """The five services and the worker, the gateway last."""
    clients = {f"{name.upper()}_ADDRESS": layout.address(name) for name in _BEHIND_THE_GATEWAY}
    edge = {"NATS_URL": f"nats://{layout.address('nats')}", **clients}
    storage = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{layout.folders.data / 'catalog.sqlite'}",
        "S3_ENDPOINT": layout.address("s3"),
        "S3_ACCESS_KEY": layout.s3.access_key,
        "S3_SECRET_KEY": layout.s3.secret_key,
    }
    reader = {"STORAGE_ADDRESS": layout.address("storage")}
    return (
        (
            _service(layout, "storage", storage),
            _service(layout, "tts", {}),
            _service(layout, "lipsync", reader),
            _service(layout, "moderation", reader),
        ),
        (
            _service(layout, "worker", edge, module="services.gateway.worker", prefix="gateway"),
            _service(layout, "gateway", edge, ready=http_ok(f"{layout.url}/readyz")),
        ),
    )


def _service(
    layout: Layout,
    name: str,
    own: Mapping[str, str],
    *,
    module: str | None = None,
    prefix: str | None = None,
    ready: Probe | None = None,
) -> ProcessSpec:
    address = layout.address(name)
    values = {"LISTEN": address, "LOG_FORMAT": "console", **own}
    if layout.certificates:
        values["TLS_FOLDER"] = str(layout.certificates / name)
        values["TLS_PEERS"] = json.dumps([*_CALLERS.get(name, _EDGE), _OPERATOR])
    variables = {f"VULTUS_{(prefix or name).upper()}_{key}": text for key, text in values.items()}
    return ProcessSpec(
        name=name,
        command=(sys.executable, "-m", module or f"services.{name}"),
        ready=ready or grpc_serving(address, layout.tls),
        environment={
            "VULTUS_HOME": str(layout.folders.root),
            "PYTHONUNBUFFERED": "1",
            **variables,
        },
        address=address,
    )
