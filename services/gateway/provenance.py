"""What is said of files that were made here, as the gateway sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class UnlabelledAgreement:
    """Under what pictures may go without the visible mark, and whether an account accepted it."""

    version: str
    """The one that is asked for now."""
    text: str
    accepted_by: str
    """Who accepted it; empty: it does not hold."""
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Label:
    """What a file's metadata claim."""

    producer: str
    content_id: str
    ours: bool
    """Whether that producer is this operator."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file's C2PA manifest says."""

    title: str
    generator: str
    signer: str
    whole: bool
    """The signature is good and the file is as it was signed."""
    ours: bool
    """It is this operator's certificate."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a copy has in common with a video that was made here."""

    landmarks: int
    """Of the sound."""
    bits_apart: int
    """Of 64, in the middle one of the pictures."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What is known of a file."""

    made_here: bool
    label: Label | None
    manifest: Manifest | None
    video_id: str
    """The asking account's own; empty: none is known."""
    created_at: datetime | None
    fingerprint: Fingerprint | None = None


class Provenance(Protocol):
    """Storage's record of it."""

    async def agreement(self, account_id: str) -> UnlabelledAgreement:
        """What is asked of accounts, and whether it holds."""

    async def accept_agreement(
        self, account_id: str, version: str, *, actor_id: str
    ) -> UnlabelledAgreement:
        """Accepts it. Raises StateConflict when another version is asked for."""

    async def end_agreement(self, account_id: str, *, actor_id: str) -> None:
        """Ends it, if it holds."""

    async def manifest(self, account_id: str, video_id: str) -> bytes:
        """The manifest beside a video's file; empty: there is none."""

    async def verify(self, account_id: str, data: AsyncIterator[bytes]) -> Verified:
        """Looks at a file; keeps nothing. Raises UnsupportedMedia, PayloadTooLarge, Overloaded."""
