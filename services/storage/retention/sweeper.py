"""Takes away what was kept for as long as the rules say: every hour, one replica at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.common.errors import DomainError, StateConflict
from services.common.ids import new_id
from services.common.telemetry import (
    RETENTION_DELETED_TOTAL,
    RETENTION_LAST_SWEEP,
    RETENTION_OLDEST_AGE_SECONDS,
)
from services.storage.audit.ledger import OPERATOR, SYSTEM, note
from services.storage.catalog.database import Database, Transaction
from services.storage.retention.found import Found
from services.storage.retention.rules import Rule
from services.storage.retention.shelves import Shelf
from services.storage.retention.tables import sweeper_turns, sweeps

log = structlog.get_logger()

_LOOK_EVERY_S = 60.0
_TURN_LASTS = timedelta(minutes=10)
"""Longer than a batch takes; then whoever had the turn has died."""
_TURN = "sweeper"
_THIS = sweeper_turns.c.name == _TURN


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of one rule."""

    rule: str
    found: int
    """How many were older than the rule allows."""
    oldest: datetime | None
    """Before the sweep."""
    deleted: int
    error: str = ""
    """Why not all of it could be looked at, or deleted; the next sweep tries again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a sweep found and took away."""

    at: datetime
    """The time that ages were counted to."""
    dry_run: bool
    items: tuple[Swept, ...]

    def as_json(self) -> dict[str, Any]:
        """As it is kept and printed."""
        return {
            "at": self.at.isoformat(),
            "dry_run": self.dry_run,
            "items": [
                {
                    "rule": one.rule,
                    "found": one.found,
                    "oldest": one.oldest.isoformat() if one.oldest else None,
                    "deleted": one.deleted,
                    "error": one.error,
                }
                for one in self.items
            ],
        }


class Sweeper:
    """Sweeps by the rules; what lies on no shelf others take away."""

    def __init__(
        self,
        database: Database,
        rules: Sequence[Rule],
        shelves: Mapping[str, Shelf],
        every: timedelta,
    ) -> None:
        self._database = database
        self._rules = [rule for rule in rules if rule.is_swept]
        self._shelves = shelves
        self._every = every
        self._name = new_id("sw")

    async def run(self) -> None:
        """Sweeps when it is time, again and again until cancelled."""
        while True:
            try:
                await self.sweep_when_due()
            except DomainError as error:
                log.warning("retention.not_swept", reason=error.reason)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def sweep_when_due(self) -> Report | None:
        """Sweeps, unless another does or did within the interval."""
        if not await self._take_turn(when_due=True):
            return None
        return await self._sweep(None)

    async def sweep(self, at: datetime | None = None) -> Report:
        """Sweeps now, as if it were an earlier time if one is given.

        Raises StateConflict while another sweeps, ValueError for a time that lies ahead.
        """
        if at is not None:
            async with self._database.read() as tx:
                if at > await tx.now():
                    raise ValueError("only a dry run can be made for a time that lies ahead")
        if not await self._take_turn(when_due=False):
            raise StateConflict("another process sweeps at this moment")
        return await self._sweep(at)

    async def look(self, at: datetime | None = None) -> Report:
        """What a sweep would take away, now or at some other time."""
        async with self._database.read() as tx:
            now = at or await tx.now()
        items = []
        for rule in self._rules:
            try:
                found = await self._shelves[rule.name].look(_before(rule, now))
            except DomainError as error:
                items.append(Swept(rule.name, 0, None, 0, error.reason))
            else:
                items.append(Swept(rule.name, found.due, found.oldest, 0))
        return Report(now, True, tuple(items))

    async def last(self) -> datetime | None:
        """When a sweep was last made, by whichever replica."""
        query = select(sweeps.c.at).order_by(sweeps.c.at.desc()).limit(1)
        async with self._database.read() as tx:
            row = await tx.one_or_none(query)
        return row.at if row else None

    async def _sweep(self, at: datetime | None) -> Report:
        async with self._database.read() as tx:
            started_at = await tx.now()
        now = at or started_at
        report = Report(now, False, tuple([await self._clear(rule, now) for rule in self._rules]))
        async with self._database.write() as tx:
            sweep_id = new_id("sw")
            row = {"id": sweep_id, "at": started_at, "report": report.as_json()}
            await tx.execute(insert(sweeps).values(row))
            counts = " ".join(f"{one.rule}={one.deleted}" for one in report.items if one.deleted)
            await note(
                tx, OPERATOR, actor=SYSTEM, action="retention.sweep", target=sweep_id,
                reason=counts or "nothing",
            )  # fmt: skip
            again = {"due_at": started_at + self._every, "holder": None, "held_until": None}
            mine = (_THIS, sweeper_turns.c.holder == self._name)
            await tx.execute(update(sweeper_turns).where(*mine).values(again))
        RETENTION_LAST_SWEEP.set(started_at.timestamp())
        log.info("retention.swept", deleted=sum(one.deleted for one in report.items))
        return report

    async def _clear(self, rule: Rule, now: datetime) -> Swept:
        shelf, before = self._shelves[rule.name], _before(rule, now)
        found, deleted, error = Found(0, None), 0, ""
        try:
            found = await shelf.look(before)
            while found.due and (gone := await shelf.clear(before)):
                deleted += gone
                await self._keep_turn()
            kept = await shelf.look(before) if deleted else found
            age_s = (now - kept.oldest).total_seconds() if kept.oldest else 0.0
            RETENTION_OLDEST_AGE_SECONDS.labels(rule.name).set(age_s)
        except DomainError as trouble:
            error = trouble.reason
            log.warning("retention.rule_failed", rule=rule.name, reason=error)
        RETENTION_DELETED_TOTAL.labels(rule.name).inc(deleted)
        return Swept(rule.name, found.due, found.oldest, deleted, error)

    async def _take_turn(self, *, when_due: bool) -> bool:
        """Whether it is this sweeper's turn; of several at once it is one's."""
        async with self._database.write() as tx:
            now = await tx.now()
            row = await _turn(tx, now)
            held = row.held_until is not None and row.held_until > now
            if held or (when_due and row.due_at > now):
                return False
            mine = {"holder": self._name, "held_until": now + _TURN_LASTS}
            await tx.execute(update(sweeper_turns).where(_THIS).values(mine))
        return True

    async def _keep_turn(self) -> None:
        """Raises StateConflict when another took this one for dead."""
        async with self._database.write() as tx:
            mine = (_THIS, sweeper_turns.c.holder == self._name)
            until = await tx.now() + _TURN_LASTS
            if not await tx.execute(update(sweeper_turns).where(*mine).values(held_until=until)):
                raise StateConflict("another process sweeps instead")


def _before(rule: Rule, now: datetime) -> datetime:
    assert rule.kept is not None, rule.name  # noqa: S101 - whatever is swept has a time
    return now - rule.kept


async def _turn(tx: Transaction, now: datetime) -> Row[Any]:
    query = select(sweeper_turns).where(_THIS).with_for_update()
    row = await tx.one_or_none(query)
    if row is None:
        try:
            async with tx.savepoint():
                await tx.execute(insert(sweeper_turns).values(name=_TURN, due_at=now))
        except IntegrityError:
            log.info("retention.turn_made_elsewhere")
        row = await tx.one(query)
    return row
