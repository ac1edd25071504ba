"""The audit in memory."""

from __future__ import annotations

import builtins
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from services.common.errors import InvalidInput, Unavailable
from services.gateway.audit.records import Entry, Filter, NewEntry, OperatorAccess, Verdict
from services.gateway.records import Page


@dataclass
class FakeAudit:
    """Chains of all accounts, whose hashes are made up."""

    now: Callable[[], datetime]
    kept: builtins.list[Entry] = field(default_factory=list)
    accesses: builtins.list[OperatorAccess] = field(default_factory=list)
    down: bool = False

    async def record(self, entries: Sequence[NewEntry]) -> None:
        if self.down:
            raise Unavailable("the database does not answer")
        for entry in entries:
            mine = self._of(entry.account_id)
            more = {
                "seq": len(mine) + 1,
                "at": self.now(),
                "actor_kind": "person" if entry.actor.startswith("us_") else "key",
                "previous_hash": mine[-1].hash if mine else "0" * 64,
                "hash": f"{len(mine) + 1:064x}",
            }
            self.kept.append(Entry(**asdict(entry), **more))  # type: ignore[arg-type]  # both

    async def list(
        self, account_id: str, wanted: Filter, *, limit: int, cursor: str
    ) -> Page[Entry]:
        if cursor and not cursor.isdigit():
            raise InvalidInput("this cursor is of no list")
        found = [
            entry
            for entry in reversed(self._of(account_id))
            if (not cursor or entry.seq < int(cursor))
            and wanted.actor in ("", entry.actor)
            and wanted.actor_kind in ("", entry.actor_kind)
            and wanted.action in ("", entry.action)
            and wanted.target in ("", entry.target, entry.target.rpartition("/")[0])
            and (wanted.since is None or entry.at >= wanted.since)
            and (wanted.until is None or entry.at < wanted.until)
        ]
        more = len(found) > limit
        return Page(tuple(found[:limit]), str(found[limit - 1].seq) if more else "")

    async def export(self, account_id: str) -> AsyncGenerator[bytes, None]:
        for entry in self._of(account_id):
            yield json.dumps(asdict(entry), default=str).encode() + b"\n"
        yield b'{"type":"audit_head"}\n'

    async def verify(self, account_id: str) -> Verdict:
        count = len(self._of(account_id))
        return Verdict(min(count, 1), count, 0, 0, "")

    async def operator_accesses(self, account_id: str) -> Sequence[OperatorAccess]:
        return [access for access in self.accesses if access.account_id == account_id]

    def _of(self, account_id: str) -> builtins.list[Entry]:
        return [entry for entry in self.kept if entry.account_id == account_id]
