"""What the storage service can be told."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from services.common.settings import ServiceSettings, service_config
from services.storage.retention.rules import Periods, rules_of
from services.storage.rights.rules import Rules
from services.storage.usage.records import Limits, QuotaName

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_QUOTAS: Limits = {QuotaName.VIDEOS_AT_ONCE: 500, QuotaName.STREAMS_AT_ONCE: 50}
_BUCKET_PREFIX = re.compile(r"([a-z0-9][a-z0-9-]{0,40})?")


class StorageSettings(ServiceSettings):
    """Settings of the storage service; only this service holds SQL and S3 credentials."""

    model_config = service_config("storage")

    database_url: SecretStr | None = None
    """`postgresql://…` or `sqlite:///<path>`; unset: `data/catalog.sqlite` below VULTUS_HOME."""
    database_ca_file: Path | None = None
    """PEM file of the authorities that certify the PostgreSQL server: it is then spoken to by TLS
    alone, under its name; unset: as the URL says (`?ssl=require`)."""
    database_connections: int = Field(default=10, ge=1, le=100)
    """Connections to the database at once; what needs another waits."""
    s3_endpoint: str
    """`host:port` of the S3 server."""
    s3_access_key: str
    """Its access key."""
    s3_secret_key: SecretStr
    """Its secret key."""
    s3_secure: bool = False
    """Whether the S3 server is spoken to by TLS."""
    s3_ca_file: Path | None = None
    """PEM file of the authorities that certify it; unset: those that are known publicly."""
    s3_region: str = "us-east-1"
    """Its region."""
    s3_bucket_prefix: str = "vultus-"
    """Stands before the names of the buckets `assets`, `avatars`, `videos` and `exports`."""
    s3_connections: int = Field(default=16, ge=1, le=256)
    """Requests to the S3 server at once; more wait."""
    session_idle_s: int = Field(default=12 * 3600, ge=60)
    """A session that nobody uses for so long ends."""
    session_s: int = Field(default=7 * 86_400, ge=60)
    """A session ends after so long, however much it is used."""
    deregistration_days: float = Field(default=15.0, ge=0, le=365)
    """Days between the request that an account be erased, and its erasure; meanwhile it may be
    taken back."""
    max_image_bytes: int = Field(default=20_000_000, ge=1)
    """Largest picture that an account may upload."""
    max_audio_bytes: int = Field(default=100_000_000, ge=1)
    """Largest recording that an account may upload."""
    max_object_bytes: int = Field(default=5_000_000_000, ge=1)
    """Largest object that another service may write."""
    max_examinations: int = Field(default=2, ge=1)
    """Uploads that are decoded at once, each in a process of its own; more wait."""
    examination_timeout_s: float = Field(default=120.0, gt=0)
    """How long the decoding of an upload may take."""
    quotas: Limits = Field(default=_QUOTAS)
    """Limits of accounts for which no others are set, as JSON; what is left out has no limit."""
    records_kept_days: int = Field(default=180, ge=1, le=3650)
    """How long the audit and all else that tells what people did is kept, in days."""
    strays_kept_h: int = Field(default=24, ge=24, le=720)
    """How old an object must be that no record names, before it is deleted, in hours."""
    sweep_every_s: float = Field(default=3600.0, ge=60, le=86_400)
    """How often what was kept long enough is deleted."""
    content_producer: str = Field(default="vultus", min_length=1, max_length=200)
    """Who makes the videos, as the label in each file says: the operator's name or code."""
    master_key_file: Path | None = None
    """The master key, the same for all replicas: base64 of 32 bytes a line, the newest first; what
    it protects is lost with it. Unset: `keys/master` below VULTUS_HOME, made when there is none."""
    clear_objects: bool = True
    """Whether objects that lie unencrypted are read, as those from before there was encryption do;
    to be turned off once `python -m services.storage.protection encrypt` has run."""
    signing_key_file: Path | None = None
    """PEM file of the Ed25519 key that certificates of erasure are signed with, the same for all
    replicas; unset: `keys/certificates.pem` below VULTUS_HOME, made when there is none."""
    c2pa_certificate_file: Path | None = None
    """PEM file of the certificates that C2PA manifests are signed with, the signer's first; unset:
    `keys/c2pa.pem` below VULTUS_HOME, made when there is none, which nobody else trusts."""
    c2pa_key_file: Path | None = None
    """PEM file of its key, of P-256 or Ed25519; goes with the certificates."""
    c2pa_timestamp_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """RFC 3161 authority that is asked for the time of each manifest; unset: none."""
    working_days_region: str = Field(default="CN", pattern=r"^[A-Z]{2}$")
    """Country whose public holidays the fifteen working days for an answer leave out."""
    working_days_zone: str = "Asia/Shanghai"
    """Time zone in which those days begin and end."""
    privacy_repeats_allowed: int = Field(default=5, ge=1)
    """Requests of one kind on the same data in thirty days that are carried out by themselves; an
    operator decides on more."""
    privacy_archive_days: int = Field(default=7, ge=1, le=90)
    """How long an archive of somebody's data can be fetched."""
    data_place: str = ""
    """Where the data are kept, as reports tell it: a country, a city, a provider."""
    data_processors: tuple[str, ...] = ()
    """Who else processes them for the operator, as reports tell it; a JSON list."""
    spool_folder: Path | None = None
    """Where files are on their way, for one process; unset: `cache/storage` below VULTUS_HOME."""

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        try:
            url = make_url(value.get_secret_value())
        except ArgumentError:
            raise ValueError("not a database URL") from None
        if url.drivername not in _DRIVERS:
            raise ValueError("must begin with postgresql:// or sqlite:///")
        if not url.database or url.database == ":memory:":
            raise ValueError("must name a database")
        return value

    @field_validator("s3_bucket_prefix")
    @classmethod
    def _check_bucket_prefix(cls, value: str) -> str:
        if not _BUCKET_PREFIX.fullmatch(value):
            raise ValueError("must be made of lower-case letters, digits and hyphens")
        return value

    @property
    def master_key(self) -> Path:
        """The file of the master key."""
        return self.master_key_file or self.home / "keys" / "master"

    @property
    def periods(self) -> Periods:
        """How long things are kept."""
        return Periods(timedelta(days=self.records_kept_days), timedelta(hours=self.strays_kept_h))

    @property
    def signing_key(self) -> Path:
        """The file of the signing key."""
        return self.signing_key_file or self.home / "keys" / "certificates.pem"

    @model_validator(mode="after")
    def _check_c2pa(self) -> Self:
        if (self.c2pa_certificate_file is None) != (self.c2pa_key_file is None):
            raise ValueError("c2pa_certificate_file and c2pa_key_file go together")
        return self

    @property
    def c2pa(self) -> tuple[Path, Path]:
        """The files of the certificates and of the key for manifests."""
        own = self.home / "keys" / "c2pa.pem"
        return self.c2pa_certificate_file or own, self.c2pa_key_file or own

    @property
    def rights_rules(self) -> Rules:
        """How requests of people are answered."""
        return Rules(
            self.working_days_region,
            self.working_days_zone,
            self.privacy_repeats_allowed,
            timedelta(days=self.privacy_archive_days),
            self.data_place,
            self.data_processors,
            rules_of(self.periods),
        )

    @property
    def spool(self) -> Path:
        """Where files are while they are on their way."""
        return self.spool_folder or self.home / "cache" / "storage"

    @property
    def database(self) -> URL:
        """The database with the driver that is used for it."""
        if self.database_url is None:
            path = self.home / "data" / "catalog.sqlite"
            return URL.create("sqlite+aiosqlite", database=str(path))
        url = make_url(self.database_url.get_secret_value())
        return url.set(drivername=_DRIVERS[url.drivername])
