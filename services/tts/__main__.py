"""Runs the text-to-speech service: `python -m services.tts`."""

from __future__ import annotations

import sys

from services.common.runtime import run_service
from services.tts.app import serve
from services.tts.settings import TtsSettings

if __name__ == "__main__":
    sys.exit(run_service("tts", TtsSettings, serve))
