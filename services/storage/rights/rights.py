"""People's rights put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import grpc
from vultus.storage.v1.rights_service_pb2_grpc import add_RightsServiceServicer_to_server

from services.storage.catalog.database import Database
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.withdrawals import Withdrawals
from services.storage.identity.parts import Identity
from services.storage.objects.spool import Spool
from services.storage.protection.vault import Vault
from services.storage.rights.archive import Archivist, Media
from services.storage.rights.deletion import Deletion
from services.storage.rights.fulfilment import Fulfilment
from services.storage.rights.report import Report
from services.storage.rights.requests import Requests
from services.storage.rights.restrictions import Restrictions
from services.storage.rights.rules import Rules
from services.storage.rights.servicer import RightsServicer
from services.storage.rights.working_days import WorkingDays


@dataclass(frozen=True, slots=True)
class Rights:
    """What people ask about their data, and what comes of it."""

    requests: Requests
    restrictions: Restrictions
    fulfilment: Fulfilment

    def register(self) -> Callable[[grpc.aio.Server], None]:
        """What adds RightsService to a server."""
        servicer = RightsServicer(self.requests, self.restrictions)
        return partial(add_RightsServiceServicer_to_server, servicer)


@dataclass(frozen=True, slots=True)
class Ground:
    """What they stand on."""

    database: Database
    vault: Vault
    identity: Identity
    erasures: Erasures
    withdrawals: Withdrawals
    media: Media
    spool: Spool


def build_rights(ground: Ground, rules: Rules) -> Rights:
    """Raises StartupError when there is no calendar of the region."""
    days = WorkingDays(rules.region, rules.time_zone)
    database = ground.database
    fulfilment = Fulfilment(
        database,
        ground.erasures,
        Deletion(ground.withdrawals, ground.identity.deregistrations),
        Archivist(database, ground.vault, ground.media, ground.spool),
        Report(rules.place, rules.processors, rules.keeping),
        days,
        archives_kept=rules.archives_kept,
    )
    requests = Requests(
        database, ground.identity.codes, days, repeats_allowed=rules.repeats_allowed
    )
    return Rights(requests, Restrictions(database), fulfilment)
