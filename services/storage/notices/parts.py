"""The parts of notices, put together."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from vultus.storage.v1.notice_service_pb2_grpc import add_NoticeServiceServicer_to_server
from vultus.storage.v1.standing_service_pb2_grpc import add_StandingServiceServicer_to_server

from services.storage.catalog.database import Database
from services.storage.identity.parts import Identity
from services.storage.notices.deliveries import Deliveries
from services.storage.notices.notices import Notices
from services.storage.notices.privacy_policies import PrivacyPolicies
from services.storage.notices.servicers import NoticeServicer, StandingServicer
from services.storage.notices.shutdown import Shutdowns
from services.storage.protection.vault import Vault

_PACKAGE = "vultus.storage.v1"


@dataclass(frozen=True, slots=True)
class Noticing:
    """What the operator says, and what it brings."""

    notices: Notices
    deliveries: Deliveries
    policies: PrivacyPolicies
    shutdowns: Shutdowns

    def services(self) -> dict[str, Callable[[grpc.aio.Server], None]]:
        """What registers the services of it."""
        notices = NoticeServicer(self.notices, self.deliveries)
        standing = StandingServicer(self.policies, self.shutdowns)
        return {
            f"{_PACKAGE}.NoticeService": partial(add_NoticeServiceServicer_to_server, notices),
            f"{_PACKAGE}.StandingService": partial(add_StandingServiceServicer_to_server, standing),
        }

    def work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What goes on beside the calls."""
        return (self.shutdowns.run(),)


def noticing_of(database: Database, vault: Vault, identity: Identity) -> Noticing:
    """What is said in a database."""
    return Noticing(
        Notices(database),
        Deliveries(database, vault),
        PrivacyPolicies(database),
        Shutdowns(database, identity.deregistrations),
    )
