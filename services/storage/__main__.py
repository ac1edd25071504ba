"""Runs the storage service: `python -m services.storage`."""

from __future__ import annotations

import sys

from services.common.runtime import run_service
from services.storage.app import serve
from services.storage.settings import StorageSettings

if __name__ == "__main__":
    sys.exit(run_service("storage", StorageSettings, serve))
