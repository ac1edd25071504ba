"""Lists in pages: newest first, stable while things are added and erased."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Row, Select

from services.common.errors import InvalidInput
from services.common.ids import is_id

ItemT = TypeVar("ItemT")

MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """Part of a list; an empty cursor says that nothing follows."""

    items: tuple[ItemT, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list is wanted: up to `limit` things, older than the id `before`."""

    limit: int
    before: str | None

    @classmethod
    def parse(cls, limit: int, cursor: str, *, prefix: str) -> PageRequest:
        """Reads what a caller sent for a list of ids with that prefix. Raises InvalidInput."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput(f"limit must be from 1 to {MAX_LIMIT}")
        return cls(limit, _decode(cursor, prefix) if cursor else None)

    def apply(self, query: Select[Any], id_column: Column[str]) -> Select[Any]:
        """The query for this page, and for one thing more that shows whether another follows."""
        if self.before is not None:
            query = query.where(id_column < self.before)
        return query.order_by(id_column.desc()).limit(self.limit + 1)

    def page(self, rows: Sequence[Row[Any]], record: Callable[[Row[Any]], ItemT]) -> Page[ItemT]:
        """The page that the rows of the applied query make up."""
        return Page(tuple(map(record, rows[: self.limit])), self._next(rows))

    async def read(
        self, rows: Sequence[Row[Any]], record: Callable[[Row[Any]], Awaitable[ItemT]]
    ) -> Page[ItemT]:
        """As `page`, where a row is not read at once."""
        items = [await record(row) for row in rows[: self.limit]]
        return Page(tuple(items), self._next(rows))

    def _next(self, rows: Sequence[Row[Any]]) -> str:
        return _encode(rows[self.limit - 1].id) if len(rows) > self.limit else ""


def _encode(item_id: str) -> str:
    return base64.urlsafe_b64encode(item_id.encode()).decode().rstrip("=")


def _decode(cursor: str, prefix: str) -> str:
    try:
        item_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeError, ValueError):
        item_id = ""
    if not is_id(item_id, prefix):
        raise InvalidInput("this cursor is of no list")
    return item_id
