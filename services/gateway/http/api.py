"""The HTTP API put together: routers, errors, OpenAPI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.types import ASGIApp

from services.gateway.http import (
    account,
    assets,
    audit,
    avatars,
    challenges,
    consents,
    content,
    control,
    deregistration,
    docs,
    entrance,
    guardian,
    health,
    keys,
    me,
    members,
    moderation,
    notices,
    outputs,
    policy,
    privacy,
    privacy_policy,
    problem,
    retention,
    reviews,
    sessions,
    speech,
    streams,
    studio,
    subjects,
    unlabelled,
    usage,
    verify,
    videos,
    voices,
    whep,
    whip,
)
from services.gateway.http.bodies import AvatarFromAsset
from services.gateway.http.context import Gateway
from services.gateway.http.problem import CatchAll, Problem
from services.gateway.http.requests import BodyLimit, RequestScope
from services.gateway.http.route import SCOPE, Route
from services.gateway.http.views import TimedSpeech

_VERSION = "1"
_DESCRIPTION = """\
From a portrait and a text or a recording to a video of that person speaking.

Send `Authorization: Bearer vk_…` with every call below `/v1`. Errors are
`application/problem+json` with a stable `code`. Times are RFC 3339 in UTC. Lists are paged by a
cursor. A creating POST takes an `Idempotency-Key`: the same key with the same request gives the
same answer.
"""
ROUTERS = (
    assets.router,
    consents.router,
    challenges.router,
    privacy.router,
    notices.router,
    privacy_policy.router,
    privacy_policy.open_to_all,
    subjects.router,
    avatars.router,
    voices.router,
    speech.router,
    moderation.router,
    policy.router,
    reviews.router,
    videos.router,
    content.router,
    streams.router,
    streams.control_router,
    control.router,
    whep.router,
    whep.guest_router,
    outputs.router,
    whip.router,
    whip.guest_router,
    account.router,
    usage.router,
    unlabelled.router,
    verify.router,
    audit.router,
    retention.router,
    deregistration.router,
    guardian.router,
    deregistration.receipt_router,
    keys.router,
    entrance.router,
    sessions.router,
    me.router,
    members.router,
    health.router,
)
_NAMED_ELSEWHERE = (Problem, AvatarFromAsset, TimedSpeech)
"""Models that operations refer to by name only."""
Layer = Callable[[ASGIApp], ASGIApp]


def create_app(gateway: Gateway, forwarding: Layer | None = None) -> ASGIApp:
    """The whole HTTP API, ready to be served; without `forwarding` it knows no other gateway."""
    app = FastAPI(
        title="Vultus",
        version=_VERSION,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
    )
    app.state.gateway = gateway
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(docs.router)
    app.include_router(studio.router)
    if gateway.settings.metrics_listen is None:
        app.include_router(health.metrics_router)
    problem.install(app, _methods_of)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way
    inner = forwarding(app) if forwarding else app
    return RequestScope(CatchAll(BodyLimit(inner, gateway.settings)))


def _operation_id(route: APIRoute) -> str:
    return route.name


def _methods_of(path: str) -> set[str]:
    """The methods that a path knows, whichever routes they are in."""
    return {
        method
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.path_regex.match(path)
        for method in route.methods or ()
    }


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        _, named = models_json_schema(
            [(model, "validation") for model in _NAMED_ELSEWHERE],
            ref_template="#/components/schemas/{model}",
        )
        schema["components"]["schemas"].update(named["$defs"])
        for route in app.routes:
            if isinstance(route, Route) and route.scope and route.include_in_schema:
                for method in route.methods or ():
                    schema["paths"][route.path_format][method.lower()][SCOPE] = route.scope.value
        app.openapi_schema = schema
    return app.openapi_schema
