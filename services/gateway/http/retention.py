"""`/v1/retention`: what is kept, where, for how long and why."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from services.gateway.http.context import InGateway
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.views import View

router = api_router("retention", scope="usage")


class RuleView(View):
    """How long one kind of thing is kept."""

    name: str = Field(examples=["audit_entries"])
    what: str
    where: str
    kept_s: int | None
    """For how many seconds; null: until what `since` says."""
    since: str
    """What the time is counted from, or what ends the keeping."""
    by: str
    """Who takes it away."""
    why: str


class RetentionView(View):
    """How long everything is kept."""

    items: list[RuleView]
    swept_at: datetime | None
    """When things were last deleted by these rules."""


@router.get("/retention", responses=problems())
async def get_retention(gateway: InGateway) -> RetentionView:
    """See what is kept, where, for how long and why; the operator sets some of the times."""
    told = await gateway.retention.retention()
    items = [
        RuleView(
            name=rule.name,
            what=rule.what,
            where=rule.where,
            kept_s=rule.kept_s,
            since=rule.since,
            by=rule.by,
            why=rule.why,
        )
        for rule in told.rules
    ]
    return RetentionView(items=items, swept_at=told.swept_at)
