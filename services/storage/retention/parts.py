"""The parts of retention, put together."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
from vultus.storage.v1.retention_service_pb2_grpc import add_RetentionServiceServicer_to_server

from services.storage.audit.checkpoints import Checkpoints
from services.storage.catalog.database import Database
from services.storage.objects.store import ObjectStore
from services.storage.retention.rules import Periods, Rule, rules_of
from services.storage.retention.servicer import RetentionServicer
from services.storage.retention.shelves import shelves_of
from services.storage.retention.sweeper import Sweeper


@dataclass(frozen=True, slots=True)
class Retention:
    """The rules, and who holds to them."""

    rules: tuple[Rule, ...]
    sweeper: Sweeper

    def services(self) -> dict[str, Callable[[grpc.aio.Server], None]]:
        """What registers the service of it."""
        servicer = RetentionServicer(self.rules, self.sweeper)
        return {
            "vultus.storage.v1.RetentionService": partial(
                add_RetentionServiceServicer_to_server, servicer
            )
        }

    def work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What goes on beside the calls."""
        return (self.sweeper.run(),)


def retention_of(
    database: Database,
    checkpoints: Checkpoints,
    store: ObjectStore,
    *,
    periods: Periods,
    every_s: float,
) -> Retention:
    """Retention in a database and an object store."""
    rules = rules_of(periods)
    shelves = shelves_of(database, checkpoints, store)
    return Retention(rules, Sweeper(database, rules, shelves, timedelta(seconds=every_s)))
