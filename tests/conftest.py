"""Marks every test by its folder; a test outside the known folders fails the collection."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.log_watch import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

TESTS = Path(__file__).parent
SERVERS = frozenset({"integration", "e2e"})
CATEGORIES = frozenset({"unit", "contract", "integration", "e2e", "conventions"})


def pytest_itemcollected(item: pytest.Item) -> None:
    category = item.path.relative_to(TESTS).parts[0]
    if category not in CATEGORIES:
        raise pytest.UsageError(f"{item.path}: put tests into one of {sorted(CATEGORIES)}")
    item.add_marker(getattr(pytest.mark, category))


class ByFileAndServers(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each process whole files, and all tests that start servers to one of them."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "servers" if SERVERS.intersection(Path(file).parts) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFileAndServers:
    return ByFileAndServers(config, log)
