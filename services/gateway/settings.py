"""What the gateway and its worker can be told."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, IPvAnyAddress, SecretStr, model_validator

from services.common.jetstream import KEPT_DAYS
from services.common.settings import ServiceSettings, service_config
from services.gateway.live.ice import IceServer
from services.gateway.marks import MarkRules
from services.gateway.media import MarkText
from services.gateway.signatures import is_secret


class PeerSettings(ServiceSettings):
    """Where the other services are; the gateway and the worker share these."""

    nats_url: str = "nats://127.0.0.1:4222"
    """The message server; `tls://…` with the certificates of the TLS folder."""
    nats_replicas: int = Field(default=1, ge=1, le=5)
    """On how many servers of a NATS cluster each job is kept; an odd number."""
    nats_kept_days: int = Field(default=KEPT_DAYS, ge=7, le=KEPT_DAYS)
    """After so many days a message is gone, done or not, dead letters too; the same everywhere."""
    storage_address: str = "127.0.0.1:9104"
    """`host:port` of storage."""
    tts_address: str = "127.0.0.1:9101"
    """`host:port` of text to speech."""
    lipsync_address: str = "127.0.0.1:9102"
    """`host:port` of lip-sync."""
    moderation_address: str = "127.0.0.1:9103"
    """`host:port` of moderation."""
    webhook_private_addresses: bool = False
    """Lets webhooks go to loopback and private networks; leave it off where strangers have keys."""
    mark_language: MarkText = MarkText.ENGLISH
    """Of the mark in pictures where no voice tells another: `en` or `zh`."""
    mark_s: float = Field(default=3.0, ge=2.0)
    """How long files bear it from their first picture on; `inf`: always, as streams do."""

    @property
    def mark_rules(self) -> MarkRules:
        """How pictures are marked."""
        return MarkRules(self.mark_language, self.mark_s)


class GatewaySettings(PeerSettings):
    """The HTTP API."""

    model_config = service_config("gateway")

    content_producer: str = Field(default="vultus", min_length=1, max_length=200)
    """Who makes the sound, as the label in each file says; the same as storage's."""
    listen: str = "127.0.0.1:8080"
    """Address of the HTTP server; port 0 picks a free one."""
    rate_limit: str = Field(default="600/minute", pattern=r"^\d+/(second|minute|hour)$")
    """Requests that one API key or person may make in a process."""
    open_rate_limit: str = Field(default="30/minute", pattern=r"^\d+/(second|minute|hour)$")
    """Requests without a key, such as for one-time codes, from one address to a process."""
    phone_region: str = Field(default="", pattern=r"^([A-Z]{2})?$")
    """Country of phone numbers that are written without its code, such as `CN`; empty: none."""
    code_webhook_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Where one-time codes are posted to, to be sent by SMS; unset: they are written to the log."""
    code_webhook_secret: SecretStr = SecretStr("")
    """What those posts are signed with: `whsec_` and a key in base64 (Standard Webhooks)."""
    key_cache_s: float = Field(default=15.0, ge=0, le=30)
    """How long a good key or session is believed without asking storage: one that ended elsewhere
    ends here this late."""
    max_image_bytes: int = 20_000_000
    """Largest picture."""
    max_audio_bytes: int = 100_000_000
    """Largest recording."""
    max_json_bytes: int = 1_000_000
    """Largest body of any other request."""
    max_text_characters: int = Field(default=20_000, le=20_000)
    """Longest text of a video."""
    max_speech_characters: int = Field(default=5_000, le=20_000)
    """Longest text that is answered with sound at once."""
    english_voice: str = "vo_en_heart"
    """Voice of texts in Latin script when none is named."""
    chinese_voice: str = "vo_zh_xiaoxiao"
    """Voice of texts with Chinese characters when none is named."""
    max_drive_characters: int = Field(default=2_000, le=2_000)
    """Longest text that a live stream is given as a whole."""
    max_written_characters: int = Field(default=20_000, le=20_000)
    """Longest text that is written into a live stream piece by piece."""
    max_streams: int = Field(default=50, ge=1)
    """Live streams of one process; more are refused as overloaded."""
    stream_lease_s: float = Field(default=10.0, ge=1)
    """A gateway that is silent for so long has lost its live streams."""
    advertised_address: str | None = Field(default=None, pattern=r"^\S+:\d+$")
    """`host:port` at which other gateways reach this one; unset: where it listens."""
    ice_servers: tuple[IceServer, ...] = ()
    """STUN and TURN servers that viewers are told of, as JSON: `[{"urls": ["stun:…"]}]`."""
    turn_urls: tuple[str, ...] = ()
    """TURN servers, as JSON, for which time-limited credentials are made with `TURN_SECRET`."""
    turn_secret: SecretStr = SecretStr("")
    """What coturn knows as `static-auth-secret`."""
    rtc_addresses: tuple[IPvAnyAddress, ...] = ()
    """Where viewers reach this host behind a 1:1 NAT, as JSON: `["203.0.113.7"]`."""
    max_viewers: int = Field(default=100, ge=1)
    """Viewers of one stream; more are refused as overloaded."""
    max_outputs: int = Field(default=4, ge=0, le=50)
    """Servers that one stream is sent to at a time."""
    output_private_addresses: bool = False
    """Lets streams be sent to loopback and private networks; likewise off where strangers come."""
    event_interval_s: float = Field(default=5.0, gt=0)
    """How often a stream of events looks at its video when no news comes."""

    @model_validator(mode="after")
    def _signs_codes(self) -> Self:
        secret = self.code_webhook_secret.get_secret_value()
        if self.code_webhook_url and not is_secret(secret):
            raise ValueError("code_webhook_url needs a code_webhook_secret: whsec_ and base64")
        return self


class WorkerSettings(PeerSettings):
    """The maker of videos and avatars, the sender of webhooks."""

    model_config = service_config("gateway")

    parallel_videos: int = Field(default=1, ge=1, le=64)
    """Videos that one process makes at a time."""
    parallel_webhooks: int = Field(default=4, ge=1, le=64)
    """Webhooks that one process sends at a time."""
    lease_s: int = Field(default=30, ge=3)
    """A job whose worker is silent for so long may be taken by another."""
    stall_s: float = Field(default=180.0, gt=0)
    """A job that draws nothing for so long is tried again."""
    video_timeout_s: float = Field(default=4 * 3600.0, gt=0)
    """A job that takes longer fails."""
    max_attempts: int = Field(default=20, ge=1)
    """How often a job is begun when something that it needs keeps being unavailable."""
    max_strikes: int = Field(default=3, ge=1)
    """How often a job may break its worker or fail by a defect before it is buried."""
    reconcile_s: float = Field(default=30.0, gt=0)
    """How often jobs that no queue knows of are looked for."""
    stranded_s: int = Field(default=60, ge=1)
    """How long a job stands still before it is looked for."""
    smtp_address: str = Field(default="", pattern=r"^(\S+:\d+)?$")
    """`host:port` of the mail server that notices go out by; empty: none is sent by e-mail."""
    smtp_tls: Literal["starttls", "implicit", "none"] = "starttls"
    """How the way to it is encrypted; `none` for a server on the same host."""
    smtp_user: str = ""
    """Its user; empty: it asks for none."""
    smtp_password: SecretStr = SecretStr("")
    """That user's password."""
    mail_sender: str = Field(default="", pattern=r"^([^@\s]+@[^@\s]+)?$")
    """Address that notices come from."""
    webhook_timeout_s: float = Field(default=10.0, gt=0)
    """How long an endpoint may take to answer."""

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
        if self.smtp_address and not self.mail_sender:
            raise ValueError("smtp_address needs a mail_sender, the address that notices come from")
        return self
