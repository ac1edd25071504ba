"""Whether an account may go on: its privacy policy, its holder's age, the service's end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.common.errors import (
    GuardianConsentRequired,
    PolicyAcceptanceRequired,
    ServiceClosing,
)

_BELIEVED_S = 5.0
_MAX_KNOWN = 10_000
NOBODY = ""
"""The account of those who have none yet."""


class ChangeKind(StrEnum):
    """What a change of a privacy policy is about."""

    PURPOSE = "purpose"
    MEANS = "means"
    KIND_OF_DATA = "kind_of_data"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What one version changes against the one before."""

    kind: ChangeKind
    summaries: Mapping[str, str]
    """By language."""


@dataclass(frozen=True, slots=True)
class NewPrivacyPolicy:
    """A version to be published."""

    version: str
    texts: Mapping[str, str]
    """By language; Markdown."""
    changes: tuple[PolicyChange, ...]
    material: bool
    effective_at: datetime
    published_by: str


@dataclass(frozen=True, slots=True)
class PrivacyPolicy(NewPrivacyPolicy):
    """One version, which never changes."""

    sha256: str
    """Hex, over the texts as JSON with sorted keys, in UTF-8."""
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That an account accepted a version."""

    version: str
    accepted_by: str
    accepted_at: datetime


class ShutdownPhase(StrEnum):
    """How far the service's end has come."""

    ANNOUNCED = "announced"
    STOPPED = "stopped"
    ERASING = "erasing"


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The end of the service."""

    phase: ShutdownPhase
    stop_at: datetime
    erase_at: datetime
    planned_by: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands between an account and the service."""

    policy_to_accept: str
    """Empty: none."""
    shutdown: Shutdown | None
    lacks_guardian: bool = False
    """Whether its holder is a minor for whom no guardian has consented."""

    @property
    def closed(self) -> bool:
        """Whether the service takes nothing new."""
        return self.shutdown is not None and self.shutdown.phase is not ShutdownPhase.ANNOUNCED


class Standings(Protocol):
    """What storage knows of it."""

    async def standing(self, account_id: str) -> Standing:
        """What stands between an account and the service; NOBODY: the service's end alone."""

    async def privacy_policy(self, version: str) -> PrivacyPolicy:
        """A version; empty: the one in force. Raises PrivacyPolicyNotFound."""

    async def privacy_policies(self) -> Sequence[PrivacyPolicy]:
        """All versions without their texts, newest first."""

    async def accept(self, account_id: str, version: str, *, accepted_by: str) -> Acceptance:
        """Notes that an account accepts a version. Raises PrivacyPolicyNotFound."""

    async def acceptances(self, account_id: str) -> Sequence[Acceptance]:
        """What an account has accepted, newest first."""


class OperatorsStandings(Standings, Protocol):
    """What only the operator may."""

    async def publish(self, new: NewPrivacyPolicy) -> PrivacyPolicy:
        """Publishes a version for good. Raises InvalidInput, StateConflict."""

    async def plan_shutdown(
        self, *, stop_at: datetime, erase_at: datetime, planned_by: str
    ) -> Shutdown:
        """Sets the dates of the service's end. Raises InvalidInput, StateConflict."""

    async def cancel_shutdown(self, *, cancelled_by: str) -> None:
        """Takes the end back. Raises StateConflict."""


class Gate:
    """Lets an account go on, or says what stands in the way; believes an answer for seconds."""

    def __init__(
        self, standings: Standings, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._standings = standings
        self._now_s = now_s
        self._known: dict[str, tuple[float, Standing]] = {}

    async def require(self, account_id: str) -> None:
        """Returns when something new may be made.

        Raises ServiceClosing, GuardianConsentRequired, PolicyAcceptanceRequired, Unavailable.
        """
        standing = await self.standing(account_id)
        if standing.shutdown and standing.closed:
            raise ServiceClosing(
                "the service takes nothing new; what you have can be fetched, exported and erased "
                f"until {standing.shutdown.erase_at:%Y-%m-%d %H:%M} UTC"
            )
        if standing.lacks_guardian:
            raise GuardianConsentRequired(
                "the account's holder is a minor: name the guardian who consents by "
                "PUT /v1/account/guardian"
            )
        if standing.policy_to_accept:
            raise PolicyAcceptanceRequired(
                f"accept version {standing.policy_to_accept} of the privacy policy first: "
                "GET /v1/privacy-policy, POST /v1/privacy-policy/acceptances",
                version=standing.policy_to_accept,
            )

    async def standing(self, account_id: str) -> Standing:
        """What stands between an account and the service, seconds ago at most."""
        until_s, standing = self._known.get(account_id, (0.0, None))
        if standing is not None and until_s > self._now_s():
            return standing
        standing = await self._standings.standing(account_id)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[account_id] = (self._now_s() + _BELIEVED_S, standing)
        return standing

    def forget(self, account_id: str) -> None:
        """It accepted something here: that holds at once."""
        self._known.pop(account_id, None)
