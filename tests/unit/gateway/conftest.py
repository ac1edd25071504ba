"""Jobs and pipeline on fakes."""

from __future__ import annotations

import pytest

from services.gateway import lease
from tests.fakes.stage import Stage


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog learns of progress at once, and a last word is repeated without a pause."""
    monkeypatch.setattr(lease, "_TICK_S", 0.001)
    monkeypatch.setattr(lease, "_LAST_WORD_DELAYS_S", (0.0, 0.0))


@pytest.fixture
async def stage() -> Stage:
    return Stage()
