"""`/healthz`, `/readyz` and `/metrics`: for whoever operates the process; no key is needed."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.gateway.http.context import InGateway
from services.gateway.http.views import Health

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def get_health() -> Health:
    """Tell that the process lives."""
    return Health(status="ok", checks={})


@router.get(
    "/readyz",
    response_model=Health,
    responses={503: {"model": Health, "description": "Something that is needed is down"}},
)
async def get_readiness(gateway: InGateway) -> JSONResponse:
    """Tell whether everything that is needed can be reached, and the process is not draining."""
    checks = {**await gateway.health.serving(), "nats": gateway.news.connected}
    ready = all(checks.values()) and not gateway.closing.is_set()
    health = Health(status="ok" if ready else "unavailable", checks=checks)
    return JSONResponse(health.model_dump(), 200 if ready else 503)


metrics_router = APIRouter(include_in_schema=False)


@metrics_router.get("/metrics")
async def get_metrics() -> Response:
    """The process's metrics, for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
