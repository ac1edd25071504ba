"""Runs the moderation service: `python -m services.moderation`."""

from __future__ import annotations

import sys

from services.common.runtime import run_service
from services.moderation.app import serve
from services.moderation.settings import ModerationSettings

if __name__ == "__main__":
    sys.exit(run_service("moderation", ModerationSettings, serve))
