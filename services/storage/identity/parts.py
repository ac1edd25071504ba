"""The parts of the identity, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import grpc
from vultus.storage.v1.account_service_pb2_grpc import add_AccountServiceServicer_to_server
from vultus.storage.v1.people_service_pb2_grpc import add_PeopleServiceServicer_to_server

from services.storage.catalog.certificates import Signer
from services.storage.catalog.database import Database
from services.storage.catalog.erasures import Erasures
from services.storage.identity.account_servicer import AccountServicer
from services.storage.identity.accounts import Accounts
from services.storage.identity.codes import Codes
from services.storage.identity.deregistrations import Deregistrations
from services.storage.identity.entrance import Entrance
from services.storage.identity.holders import MinorHolders
from services.storage.identity.keys import ApiKeys
from services.storage.identity.members import Members
from services.storage.identity.people import People
from services.storage.identity.people_servicer import PeopleServicer
from services.storage.identity.sessions import SessionLimits, Sessions
from services.storage.protection.vault import Vault

_PACKAGE = "vultus.storage.v1"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things last."""

    sessions: SessionLimits
    cooling_off: timedelta
    """Between the request that an account be erased and its erasure."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who there is, and how they come in."""

    accounts: Accounts
    holders: MinorHolders
    keys: ApiKeys
    codes: Codes
    sessions: Sessions
    people: People
    members: Members
    entrance: Entrance
    deregistrations: Deregistrations

    def services(self, signer: Signer) -> dict[str, Callable[[grpc.aio.Server], None]]:
        """What registers the services of it."""
        accounts = AccountServicer(
            self.accounts, self.holders, self.keys, self.sessions, self.deregistrations, signer
        )
        people = PeopleServicer(self.entrance, self.people, self.members)
        return {
            f"{_PACKAGE}.AccountService": partial(add_AccountServiceServicer_to_server, accounts),
            f"{_PACKAGE}.PeopleService": partial(add_PeopleServiceServicer_to_server, people),
        }


def identity_of(database: Database, vault: Vault, erasures: Erasures, terms: Terms) -> Identity:
    """Who there is in a database."""
    codes, sessions = Codes(database, vault), Sessions(database, terms.sessions)
    return Identity(
        accounts=Accounts(database),
        holders=MinorHolders(database),
        keys=ApiKeys(database),
        codes=codes,
        sessions=sessions,
        people=People(database, vault, codes),
        members=Members(database, vault),
        entrance=Entrance(codes, sessions, vault),
        deregistrations=Deregistrations(database, vault, codes, erasures, terms.cooling_off),
    )
