"""Challenges: what a person reads on camera, the films of it, and the consent that follows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy import Row, delete, insert, select, update

from services.common.errors import (
    AssetNotFound,
    ChallengeNotFound,
    InvalidInput,
    StateConflict,
    UnsupportedMedia,
)
from services.common.ids import new_id
from services.storage.catalog.consents import (
    AVATAR,
    Verification,
    check_giver,
    check_purposes,
    record_consent,
)
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.records import AssetKind, Check, Consent, GivenBy, NewConsent
from services.storage.catalog.tables import assets
from services.storage.identity.accounts import require_open
from services.storage.identity.tables import accounts
from services.storage.objects.spool import Spool, receive
from services.storage.refs import ASSETS, ObjectRef
from services.storage.statements.phrases import Phrase, new_phrase
from services.storage.statements.records import Challenge, NewChallenge
from services.storage.statements.tables import consent_challenges
from services.storage.subjects.subjects import find_subject, subject_named, subject_record

log = structlog.get_logger()

CHALLENGE_ID = "ch"
GOOD_FOR = timedelta(minutes=30)
TRIES = 3
MAX_FILM_BYTES = 100_000_000
HINTS = frozenset({"mouth"})
"""Checks that are kept, but never the ground of a refusal: honest films fail them, too."""
_AGE = "age"
_ALWAYS = frozenset({"words", "sentence", "face", "person", "voice", _AGE})
_PORTRAIT = "portrait"
_WRITING_MAY_TAKE = timedelta(hours=1)
_VOICE_NUMBERS = 256


class Store(Protocol):
    """The object store, as this needs it."""

    async def write(self, ref: ObjectRef, content_type: str, path: Path) -> None:
        """Stores a file whole or not at all."""


class Challenges:
    """The record of challenges. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, erasures: Erasures, store: Store, spool: Spool) -> None:
        self._database = database
        self._erasures = erasures
        self._store = store
        self._spool = spool

    async def create(self, account_id: str, new: NewChallenge) -> Challenge:
        """A fresh phrase for a person.

        Raises AccountNotFound, SubjectNotFound, AssetNotFound, InvalidInput,
        GuardianConsentRequired.
        """
        check_purposes(new.purposes)
        if AVATAR in new.purposes and not new.asset_id:
            raise InvalidInput("asset_id must name the portrait whose face is to be used")
        if bool(new.subject) == bool(new.subject_id):
            raise InvalidInput("name the subject or give its id")
        async with self._database.write() as tx:
            await require_open(tx, account_id)
            now = await tx.now()
            if new.valid_until is not None and new.valid_until <= now:
                raise InvalidInput("valid_until must lie ahead")
            if new.asset_id:
                await _portrait(tx, account_id, new.asset_id)
            whose = select(accounts.c.name).where(accounts.c.id == account_id)
            phrase = new_phrase(new.language, new.purposes, (await tx.one(whose)).name)
            text = json.dumps(asdict(phrase), ensure_ascii=False)
            values = {
                "id": new_id(CHALLENGE_ID),
                "account_id": account_id,
                "subject_id": await _subject_id(tx, account_id, new),
                "purposes": sorted(set(new.purposes)),
                "given_by": new.given_by,
                "attested_by": new.attested_by,
                "asset_id": new.asset_id,
                "valid_until": new.valid_until,
                "language": new.language,
                "phrase": await tx.seal(consent_challenges.c.phrase, account_id, text),
                "tries": 0,
                "checks": [],
                "consent_id": "",
                "created_at": now,
                "expires_at": now + GOOD_FOR,
            }
            made = insert(consent_challenges).values(values).returning(*consent_challenges.c)
            return await _record(tx, await tx.one(made))

    async def get(self, account_id: str, challenge_id: str) -> Challenge:
        """One challenge. Raises ChallengeNotFound."""
        async with self._database.read() as tx:
            return await _record(tx, await _find(tx, account_id, challenge_id))

    async def take(
        self, account_id: str, challenge_id: str, blocks: AsyncIterator[bytes]
    ) -> tuple[Challenge, ObjectRef | None]:
        """Stores a film, which counts as a try; also where the portrait lies, if there is one.

        Raises ChallengeNotFound, AssetNotFound when the portrait is gone, StateConflict when it is
        met, over or used up, UnsupportedMedia, PayloadTooLarge.
        """
        async with self._database.read() as tx:
            await _usable(tx, await _find(tx, account_id, challenge_id))
        # The one who looks at it reads by the file's own bytes; a name of its own, since films of
        # two tries may be on their way at once.
        ref = ObjectRef(ASSETS, f"{account_id}/{new_id(CHALLENGE_ID)}/statement")
        async with self._spool.room() as room:
            source = room / "source"
            await receive(blocks, source, max_bytes=MAX_FILM_BYTES)
            content_type = await asyncio.to_thread(_sniffed, source)
            async with self._database.write() as tx:
                await self._erasures.schedule(tx, [ref], after=_WRITING_MAY_TAKE)
            await self._store.write(ref, content_type, source)
        async with self._database.write() as tx:
            row = await _find(tx, account_id, challenge_id, locked=True)
            await _usable(tx, row)
            portrait = await _portrait(tx, account_id, row.asset_id) if row.asset_id else None
            if row.recording is not None:
                await self._erasures.schedule(tx, [row.recording])
            values = {"recording": ref, "tries": row.tries + 1}
            challenge = await _record(tx, await _changed(tx, row, values))
            await self._erasures.spare(tx, [ref])
        self._erasures.hurry()
        return challenge, portrait

    async def conclude(
        self,
        account_id: str,
        challenge_id: str,
        recording: ObjectRef,
        checks: Sequence[Check],
        voice: Sequence[float],
    ) -> tuple[Challenge, Consent | None]:
        """What follows from what was found in a film: a consent, or the film is erased.

        Without any check nobody could look at it, and it does not count as a try. Raises
        ChallengeNotFound, StateConflict when another film has taken its place, SubjectNotFound,
        InvalidInput, GuardianConsentRequired.
        """
        async with self._database.write() as tx:
            row = await _find(tx, account_id, challenge_id, locked=True)
            if row.recording != recording:
                raise StateConflict("another film has taken the place of this one")
            challenge = await _record(tx, row)
            if _is_enough(challenge, checks, voice):
                consent = await _consent(tx, row, challenge, checks, voice)
                values: dict[str, Any] = {"consent_id": consent.id, "checks": []}
            else:
                consent = None
                await self._erasures.schedule(tx, [recording])
                values = {"checks": [asdict(check) for check in checks]}
                if not checks:
                    values = {"tries": row.tries - 1}
            changed = await _changed(tx, row, {**values, "recording": None})
            challenge = await _record(tx, changed)
        self._erasures.hurry()
        failed = [check.name for check in checks if not check.passed]
        log.info("statement.checked", challenge_id=challenge_id, met=bool(consent), failed=failed)
        return challenge, consent


async def forget_challenges(
    tx: Transaction, erasures: Erasures, account_id: str, subject_id: str
) -> None:
    """Erases what a person was asked to read, and films that are being checked."""
    theirs = (
        consent_challenges.c.account_id == account_id,
        consent_challenges.c.subject_id == subject_id,
    )
    gone = delete(consent_challenges).where(*theirs).returning(consent_challenges.c.recording)
    films = [row.recording for row in await tx.all(gone) if row.recording is not None]
    await erasures.schedule(tx, films)


async def _consent(
    tx: Transaction,
    row: Row[Any],
    challenge: Challenge,
    checks: Sequence[Check],
    voice: Sequence[float],
) -> Consent:
    new = NewConsent(
        "",
        challenge.purposes,
        challenge.phrase.text,
        row.attested_by,
        challenge.valid_until,
        challenge.subject_id,
        challenge.given_by,
    )
    numbers = json.dumps([round(number, 6) for number in voice])
    verified = Verification(tuple(checks), row.recording, numbers)
    return await record_consent(tx, challenge.account_id, new, verified)


def _is_enough(challenge: Challenge, checks: Sequence[Check], voice: Sequence[float]) -> bool:
    """Whether everything was looked at, and nothing is wrong that counts."""
    needed = _ALWAYS | {_PORTRAIT} if challenge.asset_id else _ALWAYS
    forgiven = set(HINTS)
    if challenge.given_by == GivenBy.GUARDIAN:
        forgiven.add(_AGE)
    looked_at = needed.issubset(check.name for check in checks)
    wrong = [check for check in checks if not check.passed and check.name not in forgiven]
    return looked_at and not wrong and len(voice) == _VOICE_NUMBERS


async def _subject_id(tx: Transaction, account_id: str, new: NewChallenge) -> str:
    subject_id = new.subject_id
    if not subject_id:
        subject_id = (await subject_named(tx, account_id, new.subject)).id
    subject = await subject_record(tx, await find_subject(tx, account_id, subject_id, used=True))
    check_giver(subject, new.given_by)
    return subject_id


async def _portrait(tx: Transaction, account_id: str, asset_id: str) -> ObjectRef:
    mine = (assets.c.id == asset_id, assets.c.account_id == account_id)
    row = await tx.one_or_none(select(assets).where(*mine))
    if row is None:
        raise AssetNotFound("no such asset")
    if row.kind != AssetKind.IMAGE or row.picture is None:
        raise InvalidInput("asset_id must name a picture")
    picture: ObjectRef = row.picture
    return picture


async def _find(
    tx: Transaction, account_id: str, challenge_id: str, *, locked: bool = False
) -> Row[Any]:
    mine = (
        consent_challenges.c.id == challenge_id,
        consent_challenges.c.account_id == account_id,
    )
    query = select(consent_challenges).where(*mine)
    row = await tx.one_or_none(query.with_for_update() if locked else query)
    if row is None:
        raise ChallengeNotFound("no such challenge")
    return row


async def _usable(tx: Transaction, row: Row[Any]) -> None:
    """Returns when a film can still be sent. Raises StateConflict."""
    if row.consent_id:
        raise StateConflict("the challenge is met already")
    if row.expires_at <= await tx.now():
        raise StateConflict("the challenge's time is over: ask for another one")
    if row.tries >= TRIES:
        raise StateConflict("the challenge is used up: ask for another one")


async def _changed(tx: Transaction, row: Row[Any], values: dict[str, Any]) -> Row[Any]:
    this = update(consent_challenges).where(consent_challenges.c.id == row.id)
    return await tx.one(this.values(values).returning(*consent_challenges.c))


async def _record(tx: Transaction, row: Row[Any]) -> Challenge:
    text = await tx.unseal(consent_challenges.c.phrase, row.account_id, row.phrase)
    return Challenge(
        id=row.id,
        account_id=row.account_id,
        subject_id=row.subject_id,
        purposes=tuple(row.purposes),
        given_by=row.given_by,
        asset_id=row.asset_id,
        valid_until=row.valid_until,
        language=row.language,
        phrase=Phrase(**json.loads(text)),
        tries_left=max(0, TRIES - row.tries),
        recording=row.recording,
        checks=tuple(Check(**check) for check in row.checks),
        consent_id=row.consent_id,
        expires_at=row.expires_at,
    )


def _sniffed(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(8)
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm"
    raise UnsupportedMedia("the film must be an MP4 or a WebM")
