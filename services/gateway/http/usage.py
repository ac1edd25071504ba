"""`/v1/usage` and `/v1/quotas`: what the account uses, and how much of it it may."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, Self

from fastapi import Query
from pydantic import Field

from services.gateway import usage
from services.gateway.http.context import AccountId, InGateway
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.views import View

router = api_router("usage")

_TOLD_DAYS = 30
_MS_PER_S = 1000
QuotaName = Literal[
    "videos_at_once",
    "streams_at_once",
    "video_s_a_month",
    "stream_s_a_month",
    "speech_s_a_month",
    "stored_bytes",
]


class QuantitiesView(View):
    """How much was used."""

    speech_s: float
    """Sound made of texts: answered at once, or heard in streams."""
    video_s: float
    """Videos that were finished."""
    stream_s: float
    """Streams, from live to their end."""
    byte_hours: int
    """Stored bytes, summed over the hours."""
    videos: int
    """How many videos were finished."""
    streams: int
    """How many streams have ended that were live."""

    @classmethod
    def sum_of(cls, days: list[usage.UsageOfDay]) -> Self:
        """Of several days."""
        return cls.model_validate(_quantities(days))


class DayView(QuantitiesView):
    """What was used on one day."""

    day: date = Field(examples=["2026-11-26"])
    """From midnight to midnight, UTC."""


class UsageView(View):
    """What was used."""

    first: date
    last: date
    time_zone: Literal["UTC"] = "UTC"
    total: QuantitiesView
    items: list[DayView]
    """Oldest first; days on which nothing was used are left out."""


class QuotaView(View):
    """One limit of the account."""

    name: QuotaName
    limit: int | None
    """In what the name says; null: there is none."""
    used: int
    resets_at: datetime | None
    """When the next month begins (UTC), for what is counted by the month."""

    @classmethod
    def of(cls, quota: usage.Quota) -> Self:
        """As storage tells it."""
        return cls.model_validate(
            {
                "name": quota.name,
                "limit": quota.limit,
                "used": quota.used,
                "resets_at": quota.resets_at,
            }
        )


class QuotaList(View):
    """Every limit of the account."""

    items: list[QuotaView]


def _quantities(days: list[usage.UsageOfDay]) -> dict[str, float]:
    return {
        "speech_s": sum(day.speech_ms for day in days) / _MS_PER_S,
        "video_s": sum(day.video_ms for day in days) / _MS_PER_S,
        "stream_s": sum(day.stream_ms for day in days) / _MS_PER_S,
        "byte_hours": sum(day.byte_hours for day in days),
        "videos": sum(day.videos for day in days),
        "streams": sum(day.streams for day in days),
    }


@router.get("/usage", responses=problems())
async def get_usage(
    gateway: InGateway,
    account_id: AccountId,
    first: Annotated[
        date | None,
        Query(alias="from", description="The first day, in UTC; left out: 30 days up to `to`."),
    ] = None,
    last: Annotated[
        date | None, Query(alias="to", description="The last day, in UTC; left out: today.")
    ] = None,
    by: Annotated[Literal["day"], Query(description="How it is split up.")] = "day",
) -> UsageView:
    """See what was used on each day, in UTC.

    Videos and streams are counted when they end, stored bytes every hour. 400 days at most.
    """
    last = last or datetime.now(UTC).date()
    first = first or max(date.min + timedelta(_TOLD_DAYS), last) - timedelta(_TOLD_DAYS - 1)
    days = list(await gateway.usage.days(account_id, first, last))
    items = [DayView.model_validate({"day": one.day, **_quantities([one])}) for one in days]
    return UsageView(first=first, last=last, total=QuantitiesView.sum_of(days), items=items)


@router.get("/quotas", responses=problems())
async def list_quotas(gateway: InGateway, account_id: AccountId) -> QuotaList:
    """List the account's limits and how much of each is used; the operator sets them."""
    quotas = await gateway.usage.quotas(account_id)
    return QuotaList(items=[QuotaView.of(quota) for quota in quotas])
