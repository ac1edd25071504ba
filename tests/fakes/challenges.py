"""Challenges in memory, with the rules of the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.common.errors import (
    AssetNotFound,
    ChallengeNotFound,
    GuardianConsentRequired,
    InvalidInput,
    StateConflict,
    UnsupportedMedia,
)
from services.common.ids import new_id
from services.gateway.challenges import Challenge, NewChallenge, Phrase, Statement, Taken
from services.gateway.consents import Check, Consent, NewConsent
from services.gateway.media import ObjectRef
from tests.fakes.consents import FakeConsents
from tests.fakes.files import FakeAssets

FILM = b"\0\0\0\x18ftypisom" + bytes(64)
NAMES = ("words", "sentence", "face", "person", "portrait", "mouth", "voice", "age")
_HINTS = {"mouth"}


def found(*failed: str) -> Statement:
    """What is found in a film: these checks failed, the others did not."""
    checks = (Check(name, name not in failed, 0.25 if name in failed else 0.75) for name in NAMES)
    return Statement(tuple(checks), (0.5,) * 256)


@dataclass
class FakeStatements:
    """Says of films what it was told to say."""

    found: Statement = field(default_factory=found)
    error: Exception | None = None
    seen: list[tuple[ObjectRef, ObjectRef | None, Phrase]] = field(default_factory=list)

    async def check_statement(
        self, film: ObjectRef, portrait: ObjectRef | None, phrase: Phrase
    ) -> Statement:
        self.seen.append((film, portrait, phrase))
        if self.error:
            raise self.error
        return self.found


@dataclass
class FakeChallenges:
    """Challenges of all accounts."""

    consents: FakeConsents
    assets: FakeAssets
    now: Callable[[], datetime]
    kept: dict[str, Challenge] = field(default_factory=dict)
    films: dict[ObjectRef, bytes] = field(default_factory=dict)
    attested_by: dict[str, str] = field(default_factory=dict)

    async def create(self, account_id: str, new: NewChallenge) -> Challenge:
        if new.valid_until is not None and new.valid_until <= self.now():
            raise InvalidInput("valid_until must lie ahead")
        if new.asset_id:
            await self.assets.get(account_id, new.asset_id)
        subject = self.consents.subject_of(account_id, new.subject, new.subject_id)
        guarded = subject.details.guardian and new.given_by == "guardian"
        if subject.details.minor and not guarded:
            raise GuardianConsentRequired("for a minor a guardian consents")
        words = "apple, river, window, tiger, garden, piano"
        challenge = Challenge(
            id=new_id("ch"),
            account_id=account_id,
            subject_id=subject.id,
            purposes=tuple(sorted(set(new.purposes))),
            given_by=new.given_by,
            asset_id=new.asset_id,
            valid_until=new.valid_until,
            phrase=Phrase(f"I agree. {words}.", "I agree", words, new.language),
            tries_left=3,
            checks=(),
            consent_id="",
            expires_at=self.now() + timedelta(minutes=30),
        )
        self.kept[challenge.id] = challenge
        self.attested_by[challenge.id] = new.attested_by
        return challenge

    async def get(self, account_id: str, challenge_id: str) -> Challenge:
        challenge = self.kept.get(challenge_id)
        if challenge is None or challenge.account_id != account_id:
            raise ChallengeNotFound("no such challenge")
        return challenge

    async def take(self, account_id: str, challenge_id: str, data: AsyncIterator[bytes]) -> Taken:
        challenge = await self.get(account_id, challenge_id)
        over = challenge.expires_at <= self.now()
        if challenge.consent_id or over or not challenge.tries_left:
            raise StateConflict("the challenge is over")
        content = b"".join([block async for block in data])
        if content[4:8] != b"ftyp" and content[:4] != b"\x1aE\xdf\xa3":
            raise UnsupportedMedia("the film must be an MP4 or a WebM")
        portrait = None
        if challenge.asset_id:
            asset = await self.assets.get(account_id, challenge.asset_id)
            if asset.picture is None:
                raise AssetNotFound("no such asset")
            portrait = asset.picture
        recording = ObjectRef("assets", f"{account_id}/{new_id('ch')}/statement")
        self.films[recording] = content
        challenge = replace(challenge, tries_left=challenge.tries_left - 1)
        self.kept[challenge_id] = challenge
        return Taken(challenge, recording, portrait)

    async def conclude(
        self, account_id: str, challenge_id: str, recording: ObjectRef, found: Statement
    ) -> tuple[Challenge, Consent | None]:
        challenge = await self.get(account_id, challenge_id)
        wrong = [one for one in found.checks if not one.passed and one.name not in _HINTS]
        consent = None
        if not found.checks:
            challenge = replace(challenge, tries_left=challenge.tries_left + 1)
        elif wrong:
            challenge = replace(challenge, checks=found.checks)
        else:
            consent = await self._consent(challenge, found)
            challenge = replace(challenge, checks=(), consent_id=consent.id)
        if consent is None:
            del self.films[recording]
        self.kept[challenge_id] = challenge
        return challenge, consent

    async def _consent(self, challenge: Challenge, found: Statement) -> Consent:
        new = NewConsent(
            "",
            challenge.purposes,
            challenge.phrase.text,
            self.attested_by[challenge.id],
            challenge.valid_until,
            challenge.subject_id,
            challenge.given_by,
        )
        made = await self.consents.create(challenge.account_id, new)
        verified = replace(made, evidence="verified", checks=found.checks)
        self.consents.avatars.consents[made.id] = verified
        return verified
