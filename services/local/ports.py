"""Loopback ports that stay the same from one start to the next."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from services.common.errors import StartupError
from services.local.files import write_atomically

LOOPBACK = "127.0.0.1"
# Below the range that Linux gives to outgoing connections, so that a port is still free when a
# process that died wants it back.
_CANDIDATES = range(20_000, 32_000)


def choose_ports(names: Iterable[str], memory: Path) -> Mapping[str, int]:
    """A free port for each name, the one of last time where it is still free.

    `memory` is the JSON file that keeps them. Raises StartupError when no port is free.
    """
    remembered = _recall(memory)
    taken: set[int] = set()
    ports: dict[str, int] = {}
    for name in names:
        port = remembered.get(name)
        if port is None or port in taken or not is_free(port):
            port = _pick(taken)
        taken.add(port)
        ports[name] = port
    write_atomically(memory, json.dumps(ports, indent=1).encode())
    return ports


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections that are winding down after a restart don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def require_free(port: int, variable: str) -> None:
    """Raises StartupError, naming the variable that helps, when the port is in use."""
    if not is_free(port):
        raise StartupError(
            f"port {port} on {LOOPBACK} is in use: set {variable} to another one, or to 0 to have "
            "a free one picked"
        )


def _pick(taken: set[int]) -> int:
    candidates = list(_CANDIDATES)
    random.shuffle(candidates)
    for port in candidates:
        if port not in taken and is_free(port):
            return port
    raise StartupError(f"no loopback port from {_CANDIDATES.start} on is free")


def _recall(memory: Path) -> Mapping[str, int]:
    try:
        stored = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {name: port for name, port in stored.items() if isinstance(port, int)}
