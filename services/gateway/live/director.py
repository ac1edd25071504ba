"""What controllers can have a stream say."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.common.errors import UnsupportedMedia
from services.common.ids import new_id
from services.gateway import audio_file, texts
from services.gateway.live import phrases
from services.gateway.live.clauses import FILE, LIVE, ClauseCutter
from services.gateway.live.drives import Drive, DriveKind
from services.gateway.live.inputs import SoundInput, TextInput
from services.gateway.live.session import Session
from services.gateway.look import Performance
from services.gateway.media import AudioChunk, ObjectRef
from services.gateway.moderation.approval import Approvals, Approver
from services.gateway.ports import Assets, Objects, Speaker

_AS_IT_IS = Performance()


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The longest texts, in characters."""

    whole: int
    streamed: int


class Director:
    """Makes drives for sessions; everything in them passes moderation before it is heard."""

    def __init__(
        self,
        approvals: Approvals,
        speaker: Speaker,
        assets: Assets,
        objects: Objects,
        limits: TextLimits,
    ) -> None:
        self._approvals = approvals
        self._speaker = speaker
        self._assets = assets
        self._objects = objects
        self._limits = limits

    async def say(
        self,
        session: Session,
        text: str,
        *,
        interrupt: bool,
        performance: Performance = _AS_IT_IS,
    ) -> Drive:
        """Says a text. Raises TextEmpty, TextTooLong, UnsupportedLanguage, Overloaded."""
        texts.check(text, max_characters=self._limits.whole)
        drive_id = new_id("dr")
        said = phrases.of_text(
            self._approver(session, drive_id), self._speaker, text, session.voice
        )
        drive = Drive(DriveKind.TEXT, phrases.performed(said, performance), drive_id)
        await session.drives.add(drive, interrupt=interrupt)
        return drive

    async def play(
        self,
        session: Session,
        asset_id: str,
        *,
        interrupt: bool,
        language: str | None = None,
        performance: Performance = _AS_IT_IS,
    ) -> Drive:
        """Plays an uploaded recording. Raises AssetNotFound, UnsupportedMedia, Overloaded."""
        asset = await self._assets.get(session.record.account_id, asset_id)
        if asset.kind != "audio":
            raise UnsupportedMedia("the asset is not a recording")
        cutter = ClauseCutter(FILE)
        sound = self._recording(asset.object)
        drive_id = new_id("dr")
        heard = phrases.of_sound(self._approver(session, drive_id), sound, cutter, language)
        drive = Drive(DriveKind.AUDIO, phrases.performed(heard, performance), drive_id)
        await session.drives.add(drive, interrupt=interrupt)
        return drive

    async def write(
        self, session: Session, *, interrupt: bool = False, performance: Performance = _AS_IT_IS
    ) -> tuple[Drive, TextInput]:
        """Says a text while it is being written. Raises Overloaded."""
        text = TextInput(self._limits.streamed)
        drive_id = new_id("dr")
        said = phrases.of_pieces(
            self._approver(session, drive_id), self._speaker, text.pieces(), session.voice
        )
        drive = Drive(DriveKind.TEXT_STREAM, phrases.performed(said, performance), drive_id)
        await session.drives.add(drive, interrupt=interrupt)
        return drive, text

    async def listen(
        self,
        session: Session,
        rate_hz: int,
        *,
        interrupt: bool = False,
        language: str | None = None,
        performance: Performance = _AS_IT_IS,
    ) -> tuple[Drive, SoundInput]:
        """Plays sound while it is being sent. Raises InvalidInput, Overloaded."""
        sound = SoundInput(rate_hz)
        drive_id = new_id("dr")
        heard = phrases.of_sound(
            self._approver(session, drive_id), sound.chunks(), ClauseCutter(LIVE), language
        )
        drive = Drive(DriveKind.AUDIO_STREAM, phrases.performed(heard, performance), drive_id)
        await session.drives.add(drive, interrupt=interrupt)
        return drive, sound

    def _approver(self, session: Session, drive_id: str) -> Approver:
        tell = partial(session.events.tell, drive_id=drive_id)
        return self._approvals.for_drive(session.record.account_id, tell)

    async def _recording(self, ref: ObjectRef) -> AsyncGenerator[AudioChunk, None]:
        _, data = await self._objects.open(ref)
        with tempfile.TemporaryDirectory(prefix="vultus-") as folder:
            path = Path(folder) / "recording"
            await audio_file.save(data, path)
            async with aclosing(audio_file.read(path, rate_hz=phrases.RATE_HZ)) as chunks:
                async for chunk in chunks:
                    yield chunk
