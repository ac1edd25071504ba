"""Every call that names an account and a thing, with another account's things: they don't exist.

Generated over the protos, so that a new call is tried as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from vultus.storage.v1 import (
    account_service_pb2,
    catalog_service_pb2,
    consent_service_pb2,
    people_service_pb2,
)

from services.gateway.consents import NewConsent
from services.gateway.permissions import Role
from tests.contract.storage.catalog.conftest import House, new_key
from tests.contract.storage.catalog.test_people import BOB, EVE, sign_up

SERVICES: tuple[ServiceDescriptor, ...] = (
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
    catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"],
    consent_service_pb2.DESCRIPTOR.services_by_name["ConsentService"],
    people_service_pb2.DESCRIPTOR.services_by_name["PeopleService"],
)
SCALARS: dict[int, Any] = {
    FieldDescriptor.TYPE_STRING: "x",
    FieldDescriptor.TYPE_INT32: 1,
    FieldDescriptor.TYPE_INT64: 1,
    FieldDescriptor.TYPE_ENUM: 1,
    FieldDescriptor.TYPE_DOUBLE: 1.0,
    FieldDescriptor.TYPE_FLOAT: 1.0,
}
PLAUSIBLE: dict[str, dict[str, Any]] = {
    "FinishAvatar": {"status": 2},
    "MoveStream": {"status": 3, "reason": ""},
    "UpdateVideo": {"status": 3, "review_id": "", "progress": 0.5},
}
"""What calls need that look at the rest of the request first."""


def methods(things: dict[str, str]) -> Iterator[MethodDescriptor]:
    """Those that name an account and one of the things."""
    for service in SERVICES:
        for method in service.methods:
            names = {field.name for field in method.input_type.fields}
            if "account_id" in names and names & set(things):
                yield method


def request_of(method: MethodDescriptor, account_id: str, things: dict[str, str]) -> Any:
    """A request of one account about another's things; all else is plausible."""
    request: Any = GetMessageClass(method.input_type)()
    for field in method.input_type.fields:
        if field.name == "account_id":
            request.account_id = account_id
        elif field.name in things:
            setattr(request, field.name, things[field.name])
        elif not field.is_repeated and field.type in SCALARS:
            setattr(request, field.name, SCALARS[field.type])
    for name, value in PLAUSIBLE.get(method.name, {}).items():
        setattr(request, name, value)
    return request


async def test_a_stranger_finds_nothing_by_any_call(house: House) -> None:
    owner, _ = await sign_up(house)
    stranger, _ = await sign_up(house, EVE)
    account = owner.account_id
    stream = await house.stream(account)
    consent = await house.consents.create(
        account, NewConsent("Ada", ("avatar",), "She signed.", "key_1")
    )
    key, _ = await house.accounts.create_key(account, new_key("k"))
    invited = await house.people.invite(account, BOB, Role.AUDITOR, invited_by="us_1")
    things = {
        "avatar_id": stream.spec.avatar_id,
        "video_id": (await house.video(account)).id,
        "stream_id": stream.id,
        "consent_id": consent.id,
        "key_id": key.id,
        "member_id": invited.id,
        "asset_id": (await house.asset(account)).id,
    }
    stubs = {
        "AccountService": house.accounts._stub,
        "CatalogService": house.stub,
        "ConsentService": house.consents._stub,
        "PeopleService": house.people._stub,
    }
    told: dict[str, grpc.StatusCode] = {}
    for method in methods(things):
        call = getattr(stubs[method.containing_service.name], method.name)
        try:
            await call(request_of(method, stranger.account_id, things))
            told[method.name] = grpc.StatusCode.OK
        except grpc.aio.AioRpcError as error:
            told[method.name] = error.code()
    assert len(told) > 15
    assert {name: code for name, code in told.items() if code != grpc.StatusCode.NOT_FOUND} == {}
