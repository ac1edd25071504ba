"""The parts of the audit, put together."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from vultus.storage.v1.audit_service_pb2_grpc import add_AuditServiceServicer_to_server

from services.storage.audit.audit_servicer import AuditServicer, Objects
from services.storage.audit.break_glass import BreakGlass
from services.storage.audit.checkpoints import Checkpoints
from services.storage.audit.ledger import Ledger
from services.storage.audit.trail import Trail
from services.storage.catalog.certificates import Signer
from services.storage.catalog.database import Database


@dataclass(frozen=True, slots=True)
class Audit:
    """Who did what: written, read, and vouched for."""

    ledger: Ledger
    trail: Trail
    checkpoints: Checkpoints
    signer: Signer
    glass: BreakGlass
    objects: Objects

    def services(self) -> dict[str, Callable[[grpc.aio.Server], None]]:
        """What registers the service of it."""
        servicer = AuditServicer(self.ledger, self.trail, self.signer, self.glass, self.objects)
        return {
            "vultus.storage.v1.AuditService": partial(add_AuditServiceServicer_to_server, servicer)
        }

    def work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What goes on beside the calls."""
        return self.checkpoints.run(), self.glass.run()


def audit_of(database: Database, signer: Signer, objects: Objects) -> Audit:
    """The audit of a database."""
    return Audit(
        Ledger(database),
        Trail(database, (signer.public_key,)),
        Checkpoints(database, signer),
        signer,
        BreakGlass(database),
        objects,
    )
