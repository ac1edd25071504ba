"""What the programs that run on a developer's machine can be told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LocalSettings(BaseSettings):
    """Where everything lies, and the one port that people type."""

    model_config = SettingsConfigDict(
        env_prefix="VULTUS_", frozen=True, use_attribute_docstrings=True
    )

    home: Path = Path(".vultus")
    """Folder of models, data, logs and keys; removing it resets the system."""
    gateway_port: int = Field(default=8080, ge=0, le=65535)
    """Port of the HTTP API on loopback; 0 picks a free one."""
    tls: bool = False
    """Whether the services speak by mutual TLS, with certificates that are made at each start."""
    logs_kept_days: int = Field(default=180, ge=1, le=3650)
    """After so many days a line of the logs is deleted, with the rest of its day."""

    @property
    def logs_kept(self) -> timedelta:
        """How long logs are kept."""
        return timedelta(days=self.logs_kept_days)
