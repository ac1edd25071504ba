"""What callers may do: scopes of API keys, roles of people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """One kind of thing, and whether it is looked at or changed."""

    ACCOUNT_READ = "account:read"
    ACCOUNT_WRITE = "account:write"
    ASSETS_READ = "assets:read"
    ASSETS_WRITE = "assets:write"
    AUDIT_READ = "audit:read"
    AUDIT_WRITE = "audit:write"
    AVATARS_READ = "avatars:read"
    AVATARS_WRITE = "avatars:write"
    CONSENTS_READ = "consents:read"
    CONSENTS_WRITE = "consents:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    MODERATION_READ = "moderation:read"
    MODERATION_WRITE = "moderation:write"
    NOTICES_READ = "notices:read"
    NOTICES_WRITE = "notices:write"
    PRIVACY_READ = "privacy:read"
    PRIVACY_WRITE = "privacy:write"
    PROVENANCE_READ = "provenance:read"
    PROVENANCE_WRITE = "provenance:write"
    REVIEWS_READ = "reviews:read"
    REVIEWS_WRITE = "reviews:write"
    SPEECH_WRITE = "speech:write"
    STREAMS_READ = "streams:read"
    STREAMS_WRITE = "streams:write"
    USAGE_READ = "usage:read"
    USAGE_WRITE = "usage:write"
    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    VOICES_READ = "voices:read"
    VOICES_WRITE = "voices:write"


class Role(StrEnum):
    """What a person is in an account."""

    OWNER = "owner"
    """May do everything."""
    DEVELOPER = "developer"
    """Makes things: all content, and keys that may do no more."""
    REVIEWER = "reviewer"
    """Decides what moderation leaves to people, and by which policy it judges."""
    AUDITOR = "auditor"
    """Sees who did what; changes nothing, and sees no media."""


EVERY_SCOPE = frozenset(Scope)
EVERYTHING = "*"
"""Of a key: every scope, also those that come to be later."""
_DEVELOPER = EVERY_SCOPE - {
    Scope.ACCOUNT_WRITE,
    Scope.AUDIT_READ,
    Scope.AUDIT_WRITE,
    Scope.MEMBERS_READ,
    Scope.MEMBERS_WRITE,
    Scope.MODERATION_WRITE,
    Scope.NOTICES_WRITE,
    Scope.PRIVACY_READ,
    Scope.PRIVACY_WRITE,
    Scope.PROVENANCE_WRITE,
    Scope.REVIEWS_READ,
    Scope.REVIEWS_WRITE,
    Scope.USAGE_WRITE,
}
_REVIEWER = frozenset(
    {
        Scope.CONSENTS_READ,
        Scope.MODERATION_READ,
        Scope.MODERATION_WRITE,
        Scope.NOTICES_READ,
        Scope.REVIEWS_READ,
        Scope.REVIEWS_WRITE,
    }
)
_AUDITOR = frozenset(
    {
        Scope.ACCOUNT_READ,
        Scope.AUDIT_READ,
        Scope.CONSENTS_READ,
        Scope.KEYS_READ,
        Scope.MEMBERS_READ,
        Scope.NOTICES_READ,
        Scope.PRIVACY_READ,
        Scope.USAGE_READ,
    }
)
SCOPES_OF_ROLE: Mapping[Role, frozenset[Scope]] = {
    Role.OWNER: EVERY_SCOPE,
    Role.DEVELOPER: frozenset(_DEVELOPER),
    Role.REVIEWER: _REVIEWER,
    Role.AUDITOR: _AUDITOR,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what they may do."""

    account_id: str
    """The account that they act for."""
    actor_id: str
    """An API key's id, a person's, or the id of the stream whose token was shown."""
    scopes: frozenset[Scope]
    role: Role | None = None
    """Of a person."""
    until: datetime | None = None
    """When what they came with ends by itself."""
    session_id: str = ""
    """Of a person."""
    closing: bool = False
    """Whether the account is being deregistered."""

    def covers(self, scopes: Collection[Scope]) -> bool:
        """Whether they may do all that."""
        return self.scopes.issuperset(scopes)


def scopes_named(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes that a key names; of those that this version does not know it has none."""
    named = set(names)
    return EVERY_SCOPE if EVERYTHING in named else frozenset(s for s in Scope if s.value in named)
