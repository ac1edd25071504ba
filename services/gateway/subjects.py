"""The people behind faces and voices, as the gateway sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.gateway.records import Page


@dataclass(frozen=True, slots=True)
class Guardian:
    """Who consents for a minor."""

    name: str
    relation: str
    statement: str


@dataclass(frozen=True, slots=True)
class Details:
    """What an account tells of a person."""

    name: str
    reference: str = ""
    """The account's own id of the person; empty: none."""
    minor: bool = False
    birth_year: int | None = None
    guardian: Guardian | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A person whose face or voice is used."""

    id: str
    account_id: str
    details: Details
    """Empty but for `minor` once the person is erased."""
    found_by: str
    """Who found that they are a minor; empty: nobody."""
    found_reason: str
    created_at: datetime
    erased_at: datetime | None


class Subjects(Protocol):
    """The record of subjects."""

    async def create(self, account_id: str, details: Details) -> Subject:
        """Records a person. Raises StateConflict for a reference that another has."""

    async def get(self, account_id: str, subject_id: str) -> Subject:
        """One person. Raises SubjectNotFound."""

    async def list(
        self, account_id: str, *, reference: str, limit: int, cursor: str
    ) -> Page[Subject]:
        """A page of the account's subjects, newest first; with that reference, if one is named."""

    async def update(self, account_id: str, subject_id: str, details: Details) -> Subject:
        """Replaces what is told of a person. Raises SubjectNotFound, StateConflict."""

    async def report_minor(
        self, account_id: str, subject_id: str, *, found_by: str, reason: str
    ) -> Subject:
        """Records that somebody is a minor; without a guardian's consent all of them is erased.

        Raises SubjectNotFound.
        """
