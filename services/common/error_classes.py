"""Finds the classes of the tree in errors.py."""

from __future__ import annotations

from collections.abc import Iterator

import grpc

from services.common.errors import DomainError, Internal


def error_classes() -> Iterator[type[DomainError]]:
    """Yields every concrete class of the tree, parents before children."""
    pending = list(DomainError.__subclasses__())
    while pending:
        cls = pending.pop(0)
        yield cls
        pending.extend(cls.__subclasses__())


def class_for(reason: str, status: grpc.StatusCode) -> type[DomainError]:
    """The class that a reason names; for an unknown reason the first class with the gRPC status."""
    classes = list(error_classes())
    by_reason = {cls.reason: cls for cls in classes}
    by_status = {cls.status: cls for cls in reversed(classes)}
    return by_reason.get(reason) or by_status.get(status, Internal)
