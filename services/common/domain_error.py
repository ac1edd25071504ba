"""What every error has that a caller can understand; the tree of them is in errors.py."""

from __future__ import annotations

from typing import ClassVar

import grpc


class DomainError(Exception):
    """An outcome that the caller can understand; `str(error)` may be shown to anyone."""

    reason: ClassVar[str]
    """Stable name on the wire between services."""
    code: ClassVar[str]
    """Stable name in the HTTP API."""
    title: ClassVar[str]
    """What kind of problem it is, the same for every occurrence."""
    status: ClassVar[grpc.StatusCode]
    http_status: ClassVar[int]
    retryable: ClassVar[bool] = False
    """Whether the same request may work later."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, **context: str) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s
        self.context = context
        """Facts that travel with the error, such as `categories`; never user content."""


class StartupError(Exception):
    """A service can't run like this; the message names what to do. Not part of the wire's tree."""
