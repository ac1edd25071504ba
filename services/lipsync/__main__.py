"""Runs the lipsync service: `python -m services.lipsync`."""

from __future__ import annotations

import sys

from services.common.runtime import run_service
from services.lipsync.app import serve
from services.lipsync.settings import LipsyncSettings

if __name__ == "__main__":
    sys.exit(run_service("lipsync", LipsyncSettings, serve))
