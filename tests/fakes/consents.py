"""The ledger of consents in memory, with the rules of the real one."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.common.errors import (
    ConsentNotFound,
    GuardianConsentRequired,
    InvalidInput,
    StateConflict,
    SubjectNotFound,
)
from services.common.ids import new_id
from services.gateway.consents import Certificate, Consent, Erased, NewConsent
from services.gateway.records import Page, StreamStatus
from services.gateway.subjects import Details, Subject
from tests.fakes.catalog import FakeAvatars, page_of
from tests.fakes.streams import FakeStreams
from tests.fakes.videos import FakeVideos

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


@dataclass
class FakeConsents:
    """Consents of all accounts; those of avatars stand with the avatars."""

    avatars: FakeAvatars
    videos: FakeVideos
    streams: FakeStreams
    now: Callable[[], datetime]

    async def create(self, account_id: str, new: NewConsent) -> Consent:
        if new.valid_until is not None and new.valid_until <= self.now():
            raise InvalidInput("valid_until must lie ahead")
        subject = self.subject_of(account_id, new.subject, new.subject_id)
        if subject.details.minor and not (subject.details.guardian and new.given_by == "guardian"):
            raise GuardianConsentRequired("for a minor a guardian consents")
        consent = Consent(
            id=new_id("cn"),
            account_id=account_id,
            subject_id=subject.id,
            subject=subject.details.name,
            purposes=tuple(sorted(set(new.purposes))),
            given_by=new.given_by,
            evidence="attestation",
            checks=(),
            policy_version="",
            statement=new.statement,
            attested_by=new.attested_by,
            valid_from=self.now(),
            valid_until=new.valid_until,
            ended_at=None,
            end_reason="",
            note="",
            erased=None,
        )
        self.avatars.consents[consent.id] = consent
        return consent

    def subject_of(self, account_id: str, name: str, subject_id: str) -> Subject:
        known = self.avatars.subjects
        mine = [one for one in known.kept.values() if one.account_id == account_id]
        if not subject_id:
            named = [one for one in mine if one.details.name == name]
            return named[0] if named else known.add(account_id, Details(name))
        for one in mine:
            if one.id == subject_id:
                return one
        raise SubjectNotFound("no such subject")

    async def get(self, account_id: str, consent_id: str) -> Consent:
        consent = self.avatars.consents.get(consent_id)
        if consent is None or consent.account_id != account_id:
            raise ConsentNotFound("no such consent")
        return consent

    async def list(
        self, account_id: str, *, subject_id: str = "", limit: int, cursor: str
    ) -> Page[Consent]:
        known = self.avatars.consents.values()
        mine = [consent for consent in known if consent.account_id == account_id]
        if subject_id:
            mine = [consent for consent in mine if consent.subject_id == subject_id]
        return page_of(mine, limit, cursor, "cn")

    async def withdraw(
        self, account_id: str, consent_id: str, *, note: str, erase_videos: bool
    ) -> Consent:
        consent = await self.get(account_id, consent_id)
        if consent.ended_at is not None:
            return consent
        shown = [one for one in self.avatars.kept.values() if one.consent_id == consent_id]
        ids = {avatar.id for avatar in shown}
        stream_ids = [
            stream.id
            for stream in self.streams.kept.values()
            if stream.spec.avatar_id in ids and not stream.ended
        ]
        for stream_id in stream_ids:
            await self.streams.move(
                account_id, stream_id, StreamStatus.ENDED, reason="consent_withdrawn"
            )
        erased = Erased(
            tuple(sorted(ids)),
            tuple(await self._end_videos(account_id, ids, erase_videos)),
            tuple(sorted(stream_ids)),
            tuple(ref for avatar in shown for ref in (avatar.pack, avatar.preview)),
        )
        for avatar in shown:
            await self.avatars.delete(account_id, avatar.id)
        ended = replace(
            consent, ended_at=self.now(), end_reason="withdrawn", note=note, erased=erased
        )
        self.avatars.consents[consent_id] = ended
        return ended

    async def _end_videos(self, account_id: str, ids: set[str], erase: bool) -> builtins.list[str]:
        ended = []
        for video in sorted(self.videos.kept.values(), key=lambda one: one.id):
            if video.spec.avatar_id not in ids or video.deleted_at or (video.ended and not erase):
                continue
            if erase:
                await self.videos.delete(account_id, video.id)
            else:
                self.videos.leases.pop(video.id, None)
                await self.videos.cancel(account_id, video.id)
            ended.append(video.id)
        return ended

    async def certify(self, account_id: str, consent_id: str) -> Certificate:
        consent = await self.get(account_id, consent_id)
        if consent.erased is None:
            raise StateConflict("the consent holds: nothing was erased")
        statement = {"consent_id": consent_id, "avatars": consent.erased.avatar_ids}
        text = json.dumps(statement).encode()
        return Certificate(text, _KEY.sign(text), _KEY.public_key().public_bytes_raw())
