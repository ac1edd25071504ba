"""Errors as RFC 9457 `application/problem+json`, and how OpenAPI tells of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.errors import (
    ContentRejected,
    DeadlineExceeded,
    DomainError,
    Forbidden,
    Internal,
    InvalidInput,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    QuotaExceeded,
    QuotaUsedUp,
    ReviewPending,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from services.common.logging import current_request_id

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
_EVERYWHERE: tuple[type[DomainError], ...] = (
    Unauthenticated,
    Forbidden,
    InvalidInput,
    Overloaded,
    Internal,
    Unavailable,
    DeadlineExceeded,
)
_MAX_FIELD_ERRORS = 20


class MethodNotAllowed(InvalidInput):
    """The path exists, but not for this method."""

    reason = "METHOD_NOT_ALLOWED"
    code = "method_not_allowed"
    title = "The method is not allowed here"
    http_status = 405


class FieldError(BaseModel):
    """What is wrong with one part of a request."""

    location: str = Field(examples=["body.script.text"])
    message: str = Field(examples=["Field required"])


class ReachedQuota(BaseModel):
    """A limit of the account that is reached."""

    name: str = Field(examples=["streams_at_once"])
    limit: int
    used: int
    resets_at: datetime | None = None
    """When the next month begins, for what is counted by the month."""


class Problem(BaseModel):
    """Why a request failed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str = Field(examples=["/problems/not-found"])
    """Names the kind of problem."""
    title: str
    """The kind of problem, for people."""
    status: int
    """The HTTP status."""
    detail: str
    """What happened this time and what to do about it."""
    code: str
    """Stable name of the kind of problem."""
    request_id: str
    """Find the request in the logs by it."""
    retryable: bool
    """Whether the same request may work later."""
    categories: list[str] | None = None
    """What moderation found, for `content_rejected`."""
    review_id: str | None = None
    """The review that is waited for, for `review_pending`."""
    quota: ReachedQuota | None = None
    """The limit that is reached, for `quota_exceeded`."""
    errors: list[FieldError] | None = None
    """Each part of the request that is wrong, for `validation_failed`."""


class InvalidFields(Exception):
    """Parts of the request are wrong; told as `validation_failed`. At least one is named."""

    def __init__(self, fields: Sequence[FieldError]) -> None:
        super().__init__(f"{fields[0].location}: {fields[0].message}")
        self.fields = list(fields)


def problem_of(error: DomainError, fields: list[FieldError] | None = None) -> Problem:
    """What the caller is told of an error."""
    labels = error.context.get("categories", "") if isinstance(error, ContentRejected) else ""
    return Problem(
        type=f"/problems/{error.code.replace('_', '-')}",
        title=error.title,
        status=error.http_status,
        detail=error.message,
        code=error.code,
        request_id=current_request_id() or "",
        retryable=error.retryable,
        categories=[label for label in labels.split(",") if label] or None,
        review_id=error.context.get("review_id") if isinstance(error, ReviewPending) else None,
        quota=_reached(error),
        errors=fields,
    )


def _reached(error: DomainError) -> ReachedQuota | None:
    if not isinstance(error, QuotaExceeded | QuotaUsedUp) or "quota" not in error.context:
        return None
    facts = dict(error.context)
    return ReachedQuota.model_validate({"name": facts.pop("quota"), **facts})


def respond(
    error: DomainError,
    headers: Mapping[str, str] | None = None,
    fields: list[FieldError] | None = None,
) -> Response:
    """The response for an error; says when to come again where that is known."""
    all_headers = dict(headers or {})
    if isinstance(error, Unauthenticated):
        all_headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Overloaded | Unavailable | QuotaExceeded):
        all_headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s or 1)))
    return Response(
        problem_of(error, fields).model_dump_json(exclude_none=True),
        status_code=error.http_status,
        headers=all_headers,
        media_type=MEDIA_TYPE,
    )


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """Pydantic's errors, without what the client had sent."""
    return [
        FieldError(location=".".join(map(str, error["loc"])), message=error["msg"])
        for error in errors[:_MAX_FIELD_ERRORS]
    ]


def _from_http(error: HTTPException) -> DomainError:
    match error.status_code:
        case 404:
            return NotFound("there is nothing at this path")
        case 405:
            return MethodNotAllowed("this path does not know the method; see the header Allow")
        case 413:
            return PayloadTooLarge("the body is too large")
        case 415:
            return UnsupportedMedia("the body's content type is not supported")
        case _:
            return InvalidInput("the body can't be read")


def install(app: FastAPI, methods_of: Callable[[str], Iterable[str]]) -> None:
    """Turns every error that leaves a route into a problem.

    `methods_of` tells the methods that a path knows.
    """

    async def domain(_: Request, error: Exception) -> Response:
        assert isinstance(error, DomainError)  # noqa: S101 - what it is registered for
        if isinstance(error, Internal):
            log.error("http.internal", detail=error.message)
        return respond(error)

    async def validation(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - likewise
        return _invalid(InvalidFields(field_errors(error.errors())))

    async def fields(_: Request, error: Exception) -> Response:
        assert isinstance(error, InvalidFields)  # noqa: S101 - likewise
        return _invalid(error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - likewise
        headers = dict(error.headers or {})
        if error.status_code == MethodNotAllowed.http_status:
            headers["Allow"] = ", ".join(sorted(methods_of(request.url.path)))
        return respond(_from_http(error), headers)

    async def defect(_: Request, __: Exception) -> Response:
        return respond(Internal("internal error"))

    # Starlette answers with it, then passes the error on to CatchAll, which logs it.
    app.add_exception_handler(Exception, defect)
    app.add_exception_handler(DomainError, domain)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(InvalidFields, fields)
    app.add_exception_handler(HTTPException, http)


def _invalid(error: InvalidFields) -> Response:
    return respond(InvalidInput(str(error)), fields=error.fields)


class CatchAll:
    """The outermost layer: what nobody expected is logged with its trace and told as `internal`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request; never raises an Exception."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            raise
        except Exception as error:
            # Starlette wraps what a response raises after its head was sent.
            cause = error if isinstance(error, DomainError) else error.__cause__ or error
            if started and isinstance(cause, DomainError):
                log.warning("http.broken_off", reason=cause.reason)
            else:
                log.exception("http.failed")
            await self._tell(started, scope, receive, send)

    async def _tell(self, started: bool, scope: Scope, receive: Receive, send: Send) -> None:
        """After the head of a response, breaking it off is all that is left."""
        if not started:
            await respond(Internal("internal error"))(scope, receive, send)


def problems(*classes: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that can fail so, and as every operation can."""
    return _responses([*_EVERYWHERE, *classes])


def problems_without_key(*classes: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """Likewise for an operation that is open to everybody."""
    return _responses(classes)


def _responses(classes: Sequence[type[DomainError]]) -> dict[int | str, dict[str, Any]]:
    by_status: dict[int, dict[str, type[DomainError]]] = {}
    for cls in classes:
        by_status.setdefault(cls.http_status, {}).setdefault(cls.code, cls)
    return {status: _response(by_code) for status, by_code in sorted(by_status.items())}


def _response(by_code: Mapping[str, type[DomainError]]) -> dict[str, Any]:
    examples = {code: {"value": _example(cls)} for code, cls in by_code.items()}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    response: dict[str, Any] = {
        "description": "; ".join(f"{cls.title} (`{code}`)" for code, cls in by_code.items()),
        "content": {MEDIA_TYPE: content},
    }
    if any(issubclass(cls, Overloaded | Unavailable) for cls in by_code.values()):
        response["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait before trying again.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return response


def _example(cls: type[DomainError]) -> dict[str, Any]:
    error = cls((cls.__doc__ or cls.title).splitlines()[0])
    shown = problem_of(error).model_dump(exclude_none=True)
    return {**shown, "request_id": "rq_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"}
