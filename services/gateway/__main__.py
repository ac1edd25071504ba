"""Runs the gateway: `python -m services.gateway`."""

from __future__ import annotations

import sys

from services.common.runtime import run_service
from services.gateway.app import serve
from services.gateway.settings import GatewaySettings

if __name__ == "__main__":
    sys.exit(run_service("gateway", GatewaySettings, serve))
