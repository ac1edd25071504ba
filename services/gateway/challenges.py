"""What people read on camera to consent, and how the reading is checked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from services.common.errors import ConsentNotVerified, DomainError, InvalidInput
from services.gateway.consents import Check, Consent
from services.gateway.media import ObjectRef


@dataclass(frozen=True, slots=True)
class NewChallenge:
    """What is to be consented to on camera."""

    subject: str
    """As the account calls the person; empty: `subject_id` says."""
    subject_id: str
    purposes: tuple[str, ...]
    given_by: str
    attested_by: str
    """Who asks: an API key's id, or a person's."""
    asset_id: str
    """The portrait whose face it has to be; empty: nobody's in particular."""
    valid_until: datetime | None
    language: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is read."""

    text: str
    sentence: str
    """What of it has to be heard for the most part."""
    secret: str
    """What of it nobody could foresee."""
    language: str
    """`en` or `zh`."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a person reads on camera."""

    id: str
    account_id: str
    subject_id: str
    purposes: tuple[str, ...]
    given_by: str
    asset_id: str
    valid_until: datetime | None
    phrase: Phrase
    tries_left: int
    checks: tuple[Check, ...]
    """What was found last, unless it was enough."""
    consent_id: str
    """Empty: it is not met yet."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """A film that was stored."""

    challenge: Challenge
    recording: ObjectRef
    portrait: ObjectRef | None


@dataclass(frozen=True, slots=True)
class Statement:
    """What was found in a film."""

    checks: tuple[Check, ...]
    voice: tuple[float, ...]
    """256 numbers; empty: it was not heard."""


NOTHING_SEEN = Statement((), ())
_UNREADABLE = Statement((Check("film", False, 0.0),), ())


class Challenges(Protocol):
    """Storage's record of challenges."""

    async def create(self, account_id: str, new: NewChallenge) -> Challenge:
        """A fresh phrase.

        Raises SubjectNotFound, AssetNotFound, InvalidInput, GuardianConsentRequired.
        """

    async def get(self, account_id: str, challenge_id: str) -> Challenge:
        """One challenge. Raises ChallengeNotFound."""

    async def take(self, account_id: str, challenge_id: str, data: AsyncIterator[bytes]) -> Taken:
        """Stores a film, which counts as a try.

        Raises ChallengeNotFound, AssetNotFound, StateConflict, UnsupportedMedia, PayloadTooLarge.
        """

    async def conclude(
        self, account_id: str, challenge_id: str, recording: ObjectRef, found: Statement
    ) -> tuple[Challenge, Consent | None]:
        """What follows from what was found; of NOTHING_SEEN, that it does not count as a try.

        Raises ChallengeNotFound, StateConflict.
        """


class StatementChecker(Protocol):
    """Looks at films in which people read."""

    async def check_statement(
        self, film: ObjectRef, portrait: ObjectRef | None, phrase: Phrase
    ) -> Statement:
        """What a film in storage shows. Raises UnsupportedMedia, InvalidInput, PayloadTooLarge."""


_WHAT_TO_DO = {
    "words": "read the whole phrase, word by word, where it is quiet",
    "sentence": "read the whole phrase, word by word, where it is quiet",
    "face": "let one face be seen all the time, and no other",
    "person": "let one person be seen from the beginning to the end",
    "portrait": "the person in the film must be the one in the portrait",
    "voice": "let one person speak, for at least four seconds",
    "age": "the person may be a minor: name a guardian, who then gives the consent",
}
"""What people can do about each check that fails. Others are kept, but nothing hangs on them."""


async def verify(
    challenges: Challenges,
    checker: StatementChecker,
    account_id: str,
    challenge_id: str,
    data: AsyncIterator[bytes],
) -> Consent:
    """The consent that follows from a film of the reading.

    Raises ConsentNotVerified, and what the ports raise.
    """
    taken = await challenges.take(account_id, challenge_id, data)
    conclude = partial(challenges.conclude, account_id, challenge_id, taken.recording)
    try:
        found = await checker.check_statement(
            taken.recording, taken.portrait, taken.challenge.phrase
        )
    except InvalidInput:
        await conclude(_UNREADABLE)
        raise
    except DomainError:
        with suppress(DomainError):
            await conclude(NOTHING_SEEN)
        raise
    challenge, consent = await conclude(found)
    if consent is None:
        raise ConsentNotVerified(_advice(found.checks, challenge.tries_left))
    return consent


def _advice(checks: Sequence[Check], tries_left: int) -> str:
    wrong = [check.name for check in checks if not check.passed and check.name in _WHAT_TO_DO]
    told = "; ".join(f"{name}: {_WHAT_TO_DO[name]}" for name in wrong)
    return f"{told or 'not everything could be checked'} (tries left: {tries_left})"
