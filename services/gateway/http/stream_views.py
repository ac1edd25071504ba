"""What the HTTP API tells of live streams."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self

from pydantic import Field

from services.gateway import records
from services.gateway.http.background_bodies import BackgroundBody, told_background
from services.gateway.http.views import Trouble, View
from services.gateway.live.drives import Drive, DriveKind, DriveStatus
from services.gateway.live.ice import IceServer
from services.gateway.performance_bodies import ExpressionBody


class StreamView(View):
    """A person who speaks live."""

    id: str = Field(examples=["st_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    status: records.StreamStatus
    reason: str | None
    """Why it ended: a stable word such as `deleted`, `idle_timeout`, `max_duration`."""
    avatar_id: str
    voice_id: str | None
    width: int | None
    """Null: the avatar's own."""
    height: int | None
    fps: int
    expression: ExpressionBody | None
    """The look that it began with; what was changed since is seen, not told here."""
    background: BackgroundBody
    mark: bool
    """Whether its pictures say that they are generated."""
    idle_timeout_s: int
    max_duration_s: int
    record: bool
    recording_video_id: str | None
    whep_url: str
    """Watch it there, by WHEP; below this server's own address."""
    control_url: str
    """Drive it there, over a WebSocket; likewise."""
    created_at: datetime
    live_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, record: records.StreamRecord) -> Self:
        """As the catalog keeps it."""
        return cls.model_validate(_told(record))


class NewStreamView(StreamView):
    """A stream that was just made."""

    token: str
    """Watches and drives the stream; told only once."""
    ice_servers: list[IceServer]
    """STUN and TURN servers for the connection, with credentials that hold as long."""
    expires_at: datetime
    """When the token and the credentials end, at the latest."""

    @classmethod
    def new(
        cls,
        record: records.StreamRecord,
        *,
        token: str,
        ice_servers: list[IceServer],
        until_s: float,
    ) -> Self:
        """With what is told only once."""
        return cls.model_validate(
            {
                **_told(record),
                "token": token,
                "ice_servers": ice_servers,
                "expires_at": datetime.fromtimestamp(until_s, UTC),
            }
        )


def _told(record: records.StreamRecord) -> dict[str, object]:
    spec = record.spec
    return {
        "id": record.id,
        "status": record.status,
        "reason": record.reason or None,
        "avatar_id": spec.avatar_id,
        "voice_id": spec.voice_id or None,
        "width": spec.width or None,
        "height": spec.height or None,
        "fps": spec.fps,
        "expression": ExpressionBody.of(spec.look.performance.expression),
        "background": told_background(spec.look.background),
        "mark": not spec.look.unmarked,
        "idle_timeout_s": spec.idle_timeout_s,
        "max_duration_s": spec.max_duration_s,
        "record": spec.record,
        "recording_video_id": record.recording_video_id or None,
        "whep_url": f"/v1/streams/{record.id}/whep",
        "control_url": f"/v1/streams/{record.id}/control",
        "created_at": record.created_at,
        "live_at": record.live_at,
        "ended_at": record.ended_at,
    }


class TokenView(View):
    """A token of a stream."""

    token: str
    expires_at: datetime

    @classmethod
    def new(cls, token: str, *, until_s: float) -> Self:
        """Until then, or until the stream ends."""
        return cls(token=token, expires_at=datetime.fromtimestamp(until_s, UTC))


class DriveView(View):
    """One thing said in a stream."""

    id: str = Field(examples=["dr_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    kind: DriveKind
    status: DriveStatus
    error: Trouble | None
    played_ms: int
    """How much of its sound was heard."""
    played_text: str
    """The words that were heard, the last one perhaps in part; empty for sound."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, drive: Drive) -> Self:
        """As it stands now."""
        return cls(
            id=drive.id,
            kind=drive.kind,
            status=drive.status,
            error=Trouble.of(drive.error),
            played_ms=drive.played_ms,
            played_text=drive.played_text,
            created_at=drive.created_at,
            started_at=drive.started_at,
            ended_at=drive.ended_at,
        )


class InterruptedView(View):
    """What an interruption stopped."""

    drive_id: str | None
    """The drive that was being said; null: none was."""
    played_ms: int
    played_text: str
    dropped: list[str]
    """Drives that were waiting and will not be said."""

    @classmethod
    def of(cls, stopped: Sequence[Drive]) -> Self:
        """The drive that was heard, then those that waited."""
        heard = next((drive for drive in stopped if drive.started_at), None)
        return cls(
            drive_id=heard.id if heard else None,
            played_ms=heard.played_ms if heard else 0,
            played_text=heard.played_text if heard else "",
            dropped=[drive.id for drive in stopped if drive is not heard],
        )
