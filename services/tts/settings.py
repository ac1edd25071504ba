"""What the text-to-speech service can be told."""

from __future__ import annotations

from pydantic import Field

from services.common.settings import ServiceSettings, service_config


class TtsSettings(ServiceSettings):
    """Settings of the text-to-speech service."""

    model_config = service_config("tts")

    onnx_providers: tuple[str, ...] = ("CPUExecutionProvider",)
    """ONNX Runtime's execution providers, best first, as JSON; a missing one stops the start."""
    synthesis_threads: int = Field(default=1, ge=1)
    """Segments that are spoken at once; more wait for their turn."""
    onnx_threads: int = Field(default=2, ge=1)
    """Threads that the model uses for one segment."""
    max_utterances: int = Field(default=8, ge=1)
    """Utterances at once; more are refused as overloaded."""
    max_characters: int = Field(default=20_000, ge=1)
    """Longest text of an utterance."""
