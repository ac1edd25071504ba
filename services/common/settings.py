"""What every service can be told: where it listens, how it logs, where its files are."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.residency import Residency
from services.common.tls import Tls

LogLevel = Literal["debug", "info", "warning", "error"]


def service_config(service: str) -> SettingsConfigDict:
    """The configuration of a service's Settings class: the prefix is `VULTUS_<SERVICE>_`."""
    return SettingsConfigDict(
        env_prefix=f"VULTUS_{service.upper()}_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        # What is wrong is told; what it was may be secret.
        hide_input_in_errors=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class ServiceSettings(BaseSettings):
    """The settings that all services share; each service adds its own in a subclass."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    home: Path = Field(default=Path(".vultus"), validation_alias="VULTUS_HOME")
    """Folder of the models and of caches that may be lost."""
    listen: str = "127.0.0.1:0"
    """Address of the gRPC server; port 0 picks a free one."""
    metrics_listen: str | None = None
    """Address of the Prometheus endpoint; unset: none."""
    log_level: LogLevel = "info"
    """Least level that is logged."""
    log_format: Literal["json", "console"] = "json"
    """One JSON object a line for machines, or coloured text for people."""
    drain_timeout_s: float = Field(default=20.0, ge=0)
    """How long running calls may go on after SIGTERM."""

    tls_folder: Path | None = None
    """Folder of `tls.crt`, `tls.key` and `ca.crt`, by which this process knows others and they
    know it (mutual TLS); unset: services speak in the clear."""
    tls_peers: tuple[str, ...] = ()
    """Names, in their certificates, of those who may call, as JSON; none: all of the authority."""
    health_listen: str | None = None
    """Address of a health service in the clear, for probes that know no TLS; unset: none."""

    region: str | None = Field(default=None, validation_alias="VULTUS_REGION")
    """Where data is to stay, for people to read; set: whatever leads elsewhere stops the start."""
    residency: Residency = Field(default=Residency(), validation_alias="VULTUS_RESIDENCY")
    """What belongs to the region, as JSON: `{"hosts": […], "networks": […], "s3_regions": […]}`."""

    @model_validator(mode="after")
    def _stay_in_the_region(self) -> Self:
        if self.region is not None:
            fields = {name: getattr(self, name) for name in type(self).model_fields}
            for name, host in self.residency.outside(fields):
                variable = self.variable(name)
                raise ValueError(f"{variable}: {host} lies outside the region {self.region}")
        return self

    @property
    def tls(self) -> Tls | None:
        """What secures this process's calls, if they are secured. Raises StartupError."""
        return Tls.load(self.tls_folder, self.tls_peers) if self.tls_folder else None

    @classmethod
    def fields_help(cls) -> list[tuple[str, str, str]]:
        """Environment variable, default and meaning of every field, in order."""
        rows = []
        for name, info in cls.model_fields.items():
            variable = cls.variable(name)
            default = (
                "required"
                if info.is_required()
                else repr(info.get_default(call_default_factory=True))
            )
            rows.append((variable, default, info.description or ""))
        return rows

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a field."""
        prefix = cls.model_config.get("env_prefix", "")
        return str(cls.model_fields[field].validation_alias or f"{prefix}{field.upper()}")

    @classmethod
    def load(cls) -> Self:
        """Reads the environment; raises pydantic.ValidationError naming each wrong variable."""
        return cls()
