from __future__ import annotations

import grpc
import pytest

from services.common.error_classes import class_for, error_classes
from services.common.errors import (
    ContentRejected,
    DomainError,
    Internal,
    NoFace,
    Unavailable,
)
from services.common.grpc_client import rehydrate
from services.common.grpc_server import STATUS_DETAILS_KEY, error_status


def wire(error: DomainError) -> grpc.aio.AioRpcError:
    details = error_status(error).SerializeToString()
    return grpc.aio.AioRpcError(
        error.status,
        grpc.aio.Metadata(),
        grpc.aio.Metadata((STATUS_DETAILS_KEY, details)),
        details=error.message,
    )


@pytest.mark.parametrize("cls", list(error_classes()), ids=lambda cls: cls.__name__)
def test_every_error_survives_the_wire_as_itself(cls: type[DomainError]) -> None:
    sent = cls("what happened", retry_after_s=2.5, place="here")
    received = rehydrate(wire(sent))
    assert type(received) is cls
    assert received.message == "what happened"
    assert received.retry_after_s == 2.5
    assert received.context == {"place": "here"}


def test_a_status_without_details_becomes_the_class_of_its_code() -> None:
    bare = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="refused"
    )
    assert type(rehydrate(bare)) is Unavailable


def test_an_unknown_reason_falls_back_to_the_status() -> None:
    assert class_for("FROM_THE_FUTURE", grpc.StatusCode.PERMISSION_DENIED).status is (
        grpc.StatusCode.PERMISSION_DENIED
    )
    assert class_for("FROM_THE_FUTURE", grpc.StatusCode.DATA_LOSS) is Internal


def test_subclasses_inherit_what_they_do_not_change() -> None:
    assert NoFace.http_status == 422
    assert NoFace.status is grpc.StatusCode.INVALID_ARGUMENT
    assert ContentRejected.http_status == 403
