"""How an error is kept in the catalog and told to the owner later."""

from __future__ import annotations

from services.common.errors import ContentRejected, DomainError
from services.gateway.records import Trouble


def trouble_of(error: DomainError) -> Trouble:
    """The error as the API will tell it."""
    labels = error.context.get("categories", "") if isinstance(error, ContentRejected) else ""
    return Trouble(
        error.code,
        error.message,
        error.retryable,
        tuple(label for label in labels.split(",") if label),
    )
