"""Every call that names an account and a thing, with another account's things: they don't exist.

Generated over the protos, so that a new call is tried as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from vultus.media.v1 import media_pb2
from vultus.storage.v1 import (
    account_service_pb2,
    catalog_service_pb2,
    challenge_service_pb2,
    consent_service_pb2,
    moderation_record_service_pb2,
    notice_service_pb2,
    people_service_pb2,
    provenance_service_pb2,
    rights_service_pb2,
    subject_service_pb2,
)

from services.gateway.consents import NewConsent
from services.gateway.notices import Audience, NewNotice, NoticeKind, NoticeText
from services.gateway.permissions import Role
from services.gateway.rights import RequestKind
from tests.contract.storage.catalog.conftest import House, new_key
from tests.contract.storage.catalog.test_challenges import NEW as CHALLENGE
from tests.contract.storage.catalog.test_people import BOB, EVE, sign_up
from tests.contract.storage.catalog.test_privacy_requests import of_account
from tests.contract.storage.catalog.test_reviews import held

SERVICES: tuple[ServiceDescriptor, ...] = (
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
    catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"],
    challenge_service_pb2.DESCRIPTOR.services_by_name["ChallengeService"],
    consent_service_pb2.DESCRIPTOR.services_by_name["ConsentService"],
    moderation_record_service_pb2.DESCRIPTOR.services_by_name["ModerationRecordService"],
    notice_service_pb2.DESCRIPTOR.services_by_name["NoticeService"],
    provenance_service_pb2.DESCRIPTOR.services_by_name["ProvenanceService"],
    rights_service_pb2.DESCRIPTOR.services_by_name["RightsService"],
    subject_service_pb2.DESCRIPTOR.services_by_name["SubjectService"],
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
_CONSENT = {"subject": "", "purposes": ["avatar"], "given_by": "subject"}
PLAUSIBLE: dict[str, dict[str, Any]] = {
    "ConcludeChallenge": {"recording": media_pb2.ObjectRef(bucket="assets", key="ac_1/x")},
    "CreateChallenge": _CONSENT | {"language": "en"},
    "CreateConsent": _CONSENT | {"statement": "Signed."},
    "DecideReview": {"status": 2},
    "FinishAvatar": {"status": 2},
    "ListConsents": {"cursor": ""},
    "OpenReview": {"kind": 2, "text": "", "otherwise": 3, "known_review_id": ""},
    "MoveStream": {"status": 3, "reason": ""},
    "UpdateVideo": {"status": 3, "review_id": "", "progress": 0.5},
}
"""What calls need that look at the rest of the request first."""


def methods(things: dict[str, str]) -> Iterator[MethodDescriptor]:
    """Those that name an account and one of the things."""
    for service in SERVICES:
        for method in service.methods:
            names = {field.name for field in method.input_type.fields}
            if "account_id" in names and names & set(things) and not method.client_streaming:
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
        put(request, name, value)
    return request


def notice_to(account_id: str) -> NewNotice:
    texts = {"en": NoticeText("Hello")}
    return NewNotice(NoticeKind.OTHER, texts, "operator:ada", Audience((account_id,)))


def put(message: Any, name: str, value: Any) -> None:
    """Sets a field of whichever kind."""
    if isinstance(value, list):
        getattr(message, name).extend(value)
    elif isinstance(value, Message):
        getattr(message, name).CopyFrom(value)
    else:
        setattr(message, name, value)


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
        "challenge_id": (await house.challenges.create(account, CHALLENGE)).id,
        "notice_id": (await house.notices.send(notice_to(account)))[0].id,
        "request_id": (await house.rights.create(account, of_account(RequestKind.ACCESS))).id,
        "review_id": (await held(house, account))[1].id,
        "subject_id": consent.subject_id,
    }
    stubs = {
        "AccountService": house.accounts._stub,
        "CatalogService": house.stub,
        "ConsentService": house.consents._stub,
        "ChallengeService": house.challenges._stub,
        "ModerationRecordService": house.reviews._stub,
        "NoticeService": house.notices._stub,
        "PeopleService": house.people._stub,
        "ProvenanceService": house.provenance._stub,
        "RightsService": house.rights._stub,
        "SubjectService": house.subjects._stub,
    }
    told: dict[str, grpc.StatusCode] = {}
    for method in methods(things):
        call = getattr(stubs[method.containing_service.name], method.name)
        try:
            answer = await call(request_of(method, stranger.account_id, things))
            if answer != type(answer)():
                told[method.name] = grpc.StatusCode.OK
        except grpc.aio.AioRpcError as error:
            told[method.name] = error.code()
    assert len(told) > 25
    wrong = {n: c.name for n, c in told.items() if c != grpc.StatusCode.NOT_FOUND}
    assert wrong == {}
