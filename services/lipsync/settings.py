"""What the lipsync service can be told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.common.settings import ServiceSettings, service_config


class LipsyncSettings(ServiceSettings):
    """Settings of the lipsync service."""

    model_config = service_config("lipsync")

    storage_address: str
    """`host:port` of the storage service."""
    onnx_providers: tuple[str, ...] = ("CPUExecutionProvider",)
    """ONNX Runtime's execution providers, best first, as JSON; a missing one stops the start."""
    max_sessions: int | None = Field(default=None, ge=1)
    """Animations of 512×512 at once, larger ones count for more; unset: measured at the start."""
    max_preparations: int = Field(default=1, ge=1)
    """Portraits that are looked at or built at once; more wait."""
    max_waiting_portraits: int = Field(default=16, ge=1)
    """Portraits that are looked at, built or waiting; more are refused as overloaded."""
    render_threads: int = Field(default=2, ge=1)
    """Threads that draw and encode."""
    max_queued_s: float = Field(default=60.0, gt=0)
    """How much sound an animation takes in ahead of what is drawn; a `Clear` behind more waits."""
    stall_timeout_s: float = Field(default=120.0, gt=0)
    """How long an animation may wait for its caller's next message before it is ended."""
    pack_cache_open: int = Field(default=8, ge=1)
    """Avatar packs that are kept open in memory."""
    pack_cache_bytes: int = Field(default=1_000_000_000, ge=0)
    """Avatar packs that are kept on disk, bytes in all."""
    pack_cache_folder: Path | None = None
    """Where they are kept; unset: `cache/lipsync` below VULTUS_HOME."""

    @property
    def cache_folder(self) -> Path:
        """Where packs are kept on disk."""
        return self.pack_cache_folder or self.home / "cache" / "lipsync"
