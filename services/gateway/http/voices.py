"""`/v1/voices`: timbres that text can be spoken in."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from services.gateway.http.context import InGateway
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.views import VoiceList, VoiceView

router = api_router("voices")


@router.get("/voices", responses=problems())
async def list_voices(
    gateway: InGateway,
    language: Annotated[
        str | None,
        Query(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", examples=["zh"], max_length=35),
    ] = None,
) -> VoiceList:
    """List the voices, all or those of one language."""
    primary = language.partition("-")[0].lower() if language else None
    voices = await gateway.speaker.voices(primary)
    return VoiceList(items=[VoiceView.of(voice) for voice in voices])
