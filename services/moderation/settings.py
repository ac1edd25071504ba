"""What the moderation service can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from services.common.settings import ServiceSettings, service_config


class ModerationSettings(ServiceSettings):
    """Settings of the moderation service."""

    model_config = service_config("moderation")

    storage_address: str
    """`host:port` of the storage service."""
    onnx_providers: tuple[str, ...] = ("CPUExecutionProvider",)
    """ONNX Runtime's execution providers, best first, as JSON; a missing one stops the start."""
    image_review_score: float = Field(default=0.5, gt=0, le=1)
    """Nudity score from which on a person has to decide."""
    image_block_score: float = Field(default=0.8, gt=0, le=1)
    """Nudity score from which on a picture is refused."""
    minor_review_score: float = Field(default=0.75, gt=0, le=1)
    """How likely a face is a child's from which on a person has to decide."""
    image_models: tuple[Path, ...] = ()
    """Folders of an operator's own models for pictures, as JSON; see `labelled_network.py`."""
    max_image_bytes: int = Field(default=20_000_000, ge=1)
    """Largest picture that is read from storage."""
    speech_device: Literal["cpu", "cuda"] = "cpu"
    """Where speech is recognised."""
    speech_threads: int = Field(default=2, ge=1)
    """Threads of the speech recogniser."""
    max_recording_s: float = Field(default=3900.0, gt=0)
    """Longest recording; the gateway takes an hour."""
    max_waiting_texts: int = Field(default=64, ge=1)
    """Texts that are judged or wait for it; more are refused as overloaded."""
    max_waiting_images: int = Field(default=16, ge=1)
    """Pictures that are judged or wait for it; more are refused as overloaded."""
    max_recordings: int = Field(default=8, ge=1)
    """Recordings that are listened to in turns; more are refused as overloaded."""
    max_statements: int = Field(default=4, ge=1)
    """Statements on camera that are checked or wait for it; more are refused as overloaded."""
    max_text_streams: int = Field(default=64, ge=1)
    """Streamed texts at once; more are refused as overloaded."""
    stall_timeout_s: float = Field(default=300.0, gt=0)
    """How long a stream may wait for its caller's next message before it is ended."""

    @model_validator(mode="after")
    def _review_comes_before_block(self) -> Self:
        if self.image_review_score > self.image_block_score:
            raise ValueError("image_review_score must not be over image_block_score")
        return self
