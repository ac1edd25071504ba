"""Who the people behind faces and voices are, as their account told it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Guardian:
    """Who consents for a minor."""

    name: str
    relation: str
    """To the minor: `mother`, `legal guardian`."""
    statement: str
    """What the account attests of the guardian's consent, word for word."""


@dataclass(frozen=True, slots=True)
class Details:
    """What an account tells of a person: all of it is sealed."""

    name: str
    """As the account calls the person."""
    reference: str = ""
    """The account's own id of the person, its end user's; unique in the account; empty: none."""
    minor: bool = False
    birth_year: int | None = None
    guardian: Guardian | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """That somebody was found to be a minor."""

    found_by: str
    """An API key's id, a person's, or `operator:NAME`."""
    reason: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A person whose face or voice is used."""

    id: str
    account_id: str
    details: Details
    """Empty but for `minor` once the person is erased."""
    finding: Finding | None
    """That they are a minor; None: nobody found it."""
    created_at: datetime
    erased_at: datetime | None
    """When everything of them was erased."""

    @property
    def guarded(self) -> bool:
        """Whether they may be shown as far as their age goes."""
        return not self.details.minor or self.details.guardian is not None
