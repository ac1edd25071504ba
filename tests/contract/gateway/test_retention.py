"""`/v1/retention`: anybody with an account can see how long things are kept."""

from __future__ import annotations

import httpx

from tests.fakes.retention import KEPT, SWEPT


async def test_every_rule_is_told(client: httpx.AsyncClient) -> None:
    told = (await client.get("/v1/retention")).json()
    assert told["swept_at"] == "2026-11-26T00:00:00Z"
    assert [(one["name"], one["kept_s"]) for one in told["items"]] == [
        (KEPT.name, None),
        (SWEPT.name, 15_552_000),
    ]
