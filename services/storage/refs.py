"""Where objects lie, and who takes them away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

ASSETS = "assets"
AVATARS = "avatars"
VIDEOS = "videos"
EXPORTS = "exports"
BUCKETS = (ASSETS, AVATARS, VIDEOS, EXPORTS)
"""The kinds of objects; each has a bucket of its own in S3."""


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One object."""

    bucket: str
    """One of BUCKETS."""
    key: str
    """Begins with the id of the account that owns the object."""

    @property
    def account_id(self) -> str:
        """The account that owns the object."""
        return self.key.partition("/")[0]


class Objects(Protocol):
    """What the catalog needs of the object store."""

    async def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Deletes objects; those that are not there are ignored.

        Raises Unavailable when the store does not answer; some may then be gone.
        """
        ...
